/** Names a reader looks for in one object, and the same names without their letter case. */
export interface ProtocolNames {
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlySet<string>;
}

/** Members of the JSON-RPC envelope. */
export const envelopeNames = protocolNames(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);

/** Members of `params` that a decision is made on. */
export const paramsNames = protocolNames([
  'name',
  'uri',
  'taskId',
  'arguments',
  '_meta',
  'requestId',
  'protocolVersion',
]);

/** Members of a list result that a filter reads or writes. */
export const listNames = protocolNames(['tools', 'prompts', 'resources', 'resourceTemplates', 'cacheScope']);

/** Members of one entry of a list that policy decides on. */
export const entryNames = protocolNames(['name', 'uri', 'uriTemplate']);

/**
 * Whether a key is one of the names in another spelling. Some parsers (Go's encoding/json is one) match member names
 * without regard to case, so `{"name":"a","Name":"b"}` names two tools; some (pydantic, where it is told to) take `task_id` for `taskId`: we refuse what
 * we would read differently.
 */
export function isAmbiguousKey(key: string, names: ProtocolNames): boolean {
  return !names.exact.has(key) && names.folded.has(fold(key));
}

function protocolNames(names: readonly string[]): ProtocolNames {
  return { exact: new Set(names), folded: new Set(names.flatMap((name) => [fold(name), fold(inSnakeCase(name))])) };
}

function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Lower, then upper: the first folds U+212A KELVIN SIGN to k, the second U+017F LONG S to S, as Go's folding does. */
function fold(key: string): string {
  return key.toLowerCase().toUpperCase();
}

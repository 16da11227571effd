import type { sandbox } from '@sallyport/contracts';
import { fail, ok, type Result } from '@sallyport/result';
import type { BadRequest } from './request-fields.ts';

type Fields = Readonly<Record<string, unknown>>;

const pairsMax = 16;
const keyCharactersMax = 64;
const valueCharactersMax = 512;
const placementTextCharactersMax = 64;
const placementTexts = ['region', 'runtime'] as const;
/** What one sandbox may ask for at most. */
const placementMaxima = {
  memory_mib: 1_048_576,
  pids: 65_536,
  cpu_millis: 1_024_000,
  workspace_mib: 1_048_576,
} as const;
const placementFields: ReadonlySet<string> = new Set([
  'tier',
  'labels',
  ...placementTexts,
  ...Object.keys(placementMaxima),
]);
const tiers: ReadonlySet<unknown> = new Set(['namespace', 'none']);

/** Names and values within the limits of the public API. */
export function textPairs(value: unknown, field: string): Result<Record<string, string>, BadRequest> {
  if (value === undefined || value === null) return ok({});
  if (!isObject(value)) return fail(`\`${field}\` must be an object of texts`);
  const pairs = Object.entries(value);
  if (pairs.length > pairsMax) return fail(`\`${field}\` has at most ${pairsMax} pairs`);
  for (const [key, text] of pairs) {
    // Assigned to an object, as decoders do, this name would set no member.
    if (key === '' || key.length > keyCharactersMax || key === '__proto__')
      return fail(`a key of \`${field}\` has 1 to ${keyCharactersMax} characters and is not __proto__`);
    if (typeof text !== 'string' || text.length > valueCharactersMax)
      return fail(`a value of \`${field}\` is a text of at most ${valueCharactersMax} characters`);
  }
  return ok(Object.fromEntries(pairs) as Record<string, string>);
}

/** Sandboxes run on the company's own executors and nowhere else. */
export function selfHostedConfig(value: unknown): Result<undefined, BadRequest> {
  if (value === undefined || value === null) return ok(undefined);
  const type = isObject(value) ? value['type'] : undefined;
  if (type === 'self_hosted') return ok(undefined);
  return fail(
    type === 'cloud'
      ? 'this deployment is self-hosted only: `config` must be {"type":"self_hosted"}'
      : '`config` must be {"type":"self_hosted"}',
  );
}

/** Our own extension. An unknown name is refused: a rule that is misspelt must not be a rule that is missing. */
export function placementRules(own: unknown): Result<sandbox.PlacementRules, BadRequest> {
  if (own !== undefined && own !== null && !isObject(own)) return fail('`sallyport` must be an object');
  const placement = own?.['placement'] ?? {};
  if (!isObject(placement)) return fail('`sallyport.placement` must be an object');
  const foreign = Object.keys(placement).find((name) => !placementFields.has(name));
  if (foreign !== undefined) return fail(`\`sallyport.placement.${foreign.slice(0, 64)}\` is not known`);
  const tier = placement['tier'] ?? '';
  if (tier !== '' && !tiers.has(tier)) return fail('`sallyport.placement.tier` must be "namespace" or "none"');
  for (const name of placementTexts) {
    const text = placement[name] ?? '';
    if (typeof text !== 'string' || text.length > placementTextCharactersMax)
      return fail(`\`sallyport.placement.${name}\` must be a text of at most ${placementTextCharactersMax} characters`);
  }
  for (const [name, max] of Object.entries(placementMaxima)) {
    const number = placement[name] ?? 1;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > max)
      return fail(`\`sallyport.placement.${name}\` must be a whole number from 1 to ${max}`);
  }
  const labels = textPairs(placement['labels'], 'sallyport.placement.labels');
  if (!labels.ok) return labels;
  const number = (name: keyof typeof placementMaxima) => Number(placement[name] ?? 0);
  return ok({
    tier: tier as string,
    region: (placement['region'] ?? '') as string,
    runtime: (placement['runtime'] ?? '') as string,
    labels: labels.value,
    memoryMib: number('memory_mib'),
    pids: number('pids'),
    cpuMillis: number('cpu_millis'),
    workspaceMib: number('workspace_mib'),
  });
}

/** What the public API lets a session begin with, and a deployment without an agent loop cannot do: ignored, it would be missed. */
export function unservedSessionField(body: Fields): BadRequest | undefined {
  const lists = ['initial_events', 'resources', 'vault_ids'].find(
    (name) => Array.isArray(body[name]) && body[name].length > 0,
  );
  const field = lists ?? (body['budget'] === undefined || body['budget'] === null ? undefined : 'budget');
  return field === undefined ? undefined : `\`${field}\` is not served: the agent loop is not part of this deployment`;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * How a method is decided. `call`: a tool call, recorded. `open`: part of the protocol itself, no access to data or effects. `list`: shown as far
 * as its entries may be used. `ruled`: anything else, also what we do not know, needs a rule that names it.
 */
export type MethodKind = 'call' | 'open' | 'list' | 'ruled';

const open = new Set([
  'initialize',
  'ping',
  'server/discover',
  'logging/setLevel',
  'subscriptions/listen',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
  'notifications/tasks/status',
]);

/** Lists, and the method that decides on their entries. */
const lists: ReadonlyMap<string, string> = new Map([
  ['tools/list', 'tools/call'],
  ['prompts/list', 'prompts/get'],
  ['resources/list', 'resources/read'],
  ['resources/templates/list', 'resources/read'],
]);

export function methodKind(method: string): MethodKind {
  if (method === 'tools/call') return 'call';
  if (lists.has(method)) return 'list';
  return open.has(method) ? 'open' : 'ruled';
}

export function entryMethod(listMethod: string): string | undefined {
  return lists.get(listMethod);
}

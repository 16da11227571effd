import { fail, ok, type Result } from '@sallyport/result';

export interface PolicyRule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  /** Patterns: `*` stands for any run of characters. */
  readonly tunnel: string;
  readonly server: string;
  readonly method: string;
  readonly name: string;
  /** Where the rule is about sandboxes: a pattern for the id or the name of an environment. */
  readonly environment?: string;
}

export type PolicyRefusal = { readonly rule: number; readonly problem: string };

const rulesMax = 1_000;
const patternCharactersMax = 256;
const idShape = /^[A-Za-z0-9._-]{1,64}$/;
const effects = new Set(['allow', 'deny']);
const fields = new Set(['id', 'effect', 'tunnel', 'server', 'method', 'tool', 'name', 'environment']);

/**
 * Reads rules as an author writes them: `effect` is required, a missing pattern means `*`, except `method`, which means `tools/call`;
 * `tool` is the short way to say `name` for that method; a missing `id` becomes the rule's position. A rule with `environment` is about sandboxes, one
 * without it about tunnels. The order of rules has no meaning: any denial that matches wins, then any permission; what nothing permits is denied.
 */
export function parsePolicyRules(value: unknown): Result<readonly PolicyRule[], PolicyRefusal> {
  if (!Array.isArray(value)) return fail({ rule: -1, problem: '`rules` must be a list' });
  if (value.length > rulesMax) return fail({ rule: rulesMax, problem: `a policy has at most ${rulesMax} rules` });
  const rules: PolicyRule[] = [];
  const ids = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const rule = parseRule(entry, index);
    if (!rule.ok) return fail({ rule: index, problem: rule.reason });
    if (ids.has(rule.value.id))
      return fail({ rule: index, problem: `the id \`${rule.value.id}\` is taken by another rule` });
    ids.add(rule.value.id);
    rules.push(rule.value);
  }
  return ok(rules);
}

function parseRule(value: unknown, index: number): Result<PolicyRule, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('a rule must be an object');
  const entry = value as Readonly<Record<string, unknown>>;
  const foreign = Object.keys(entry).find((name) => !fields.has(name));
  if (foreign !== undefined) return fail(`the field \`${foreign.slice(0, 64)}\` is not known`);
  const { id = `rule-${index + 1}`, effect } = entry;
  if (typeof id !== 'string' || !idShape.test(id)) return fail('`id` must be 1 to 64 of A-Z a-z 0-9 . _ -');
  if (typeof effect !== 'string' || !effects.has(effect)) return fail('`effect` must be "allow" or "deny"');
  if (
    entry['tool'] !== undefined &&
    (entry['name'] !== undefined || (entry['method'] ?? 'tools/call') !== 'tools/call')
  ) {
    return fail('`tool` stands for `name` with the method `tools/call`: give one of the two');
  }
  if (entry['environment'] !== undefined && (entry['tunnel'] !== undefined || entry['server'] !== undefined)) {
    return fail('a rule with `environment` is about sandboxes: it has no `tunnel` and no `server`');
  }
  const patterns = {
    tunnel: entry['tunnel'] ?? '*',
    server: entry['server'] ?? '*',
    method: entry['method'] ?? 'tools/call',
    name: entry['tool'] ?? entry['name'] ?? '*',
    ...(entry['environment'] === undefined ? {} : { environment: entry['environment'] }),
  };
  for (const [field, pattern] of Object.entries(patterns)) {
    if (typeof pattern !== 'string' || pattern === '' || pattern.length > patternCharactersMax) {
      return fail(`\`${field}\` must be a pattern of 1 to ${patternCharactersMax} characters`);
    }
  }
  return ok({ id, effect: effect as PolicyRule['effect'], ...(patterns as Record<keyof typeof patterns, string>) });
}

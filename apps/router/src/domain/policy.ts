import { entryMethod } from './mcp-method.ts';
import { matchesWildcard } from './wildcard.ts';

export interface PolicyRule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  /** Patterns; the tunnel's may name its id or its domain. */
  readonly tunnel: string;
  readonly server: string;
  readonly method: string;
  readonly name: string;
}

export interface Policy {
  readonly policyId: string;
  readonly sha256: string;
  readonly rules: readonly PolicyRule[];
}

/** What is asked for: the method, and what it is about, a tool's name or a resource's URI. Empty where it is about nothing. */
export interface PolicyQuestion {
  readonly tunnelId: string;
  readonly tunnelDomain: string;
  readonly server: string;
  readonly method: string;
  readonly name: string;
}

export interface PolicyAnswer {
  readonly effect: 'allow' | 'deny';
  /** Empty where no rule matched. */
  readonly ruleId: string;
  readonly reason: 'rule_allows' | 'rule_denies' | 'no_rule_allows';
}

/** Any denial that matches wins, then any permission; what nothing permits is denied. */
export function decide(policy: Policy, question: PolicyQuestion): PolicyAnswer {
  let permission: PolicyRule | undefined;
  for (const rule of policy.rules) {
    if (!applies(rule, question)) continue;
    if (rule.effect === 'deny') return { effect: 'deny', ruleId: rule.id, reason: 'rule_denies' };
    permission ??= rule;
  }
  if (permission === undefined) return { effect: 'deny', ruleId: '', reason: 'no_rule_allows' };
  return { effect: 'allow', ruleId: permission.id, reason: 'rule_allows' };
}

/** Where a question is asked, and the policy that answers it. */
export type PolicyPlace = Pick<PolicyQuestion, 'tunnelId' | 'tunnelDomain' | 'server'> & { readonly policy: Policy };

/** Whether a client may use the entry of this name that the result of a list method shows. */
export type EntryRule = (listMethod: string, name: string) => boolean;

/** The rules that can speak of the list's entries are chosen once, not for every entry. */
export function entryRule(place: PolicyPlace): EntryRule {
  const policies = new Map<string, Policy>();
  return (listMethod, name) => {
    const method = entryMethod(listMethod);
    if (method === undefined) return false;
    const question = { ...place, method, name };
    let policy = policies.get(method);
    if (policy === undefined) {
      policy = { ...place.policy, rules: place.policy.rules.filter((rule) => appliesHere(rule, question)) };
      policies.set(method, policy);
    }
    return decide(policy, question).effect === 'allow';
  };
}

function applies(rule: PolicyRule, question: PolicyQuestion): boolean {
  return matchesWildcard(rule.name, question.name) && appliesHere(rule, question);
}

function appliesHere(rule: PolicyRule, question: Omit<PolicyQuestion, 'name'>): boolean {
  return (
    matchesWildcard(rule.method, question.method) &&
    matchesWildcard(rule.server, question.server) &&
    (matchesWildcard(rule.tunnel, question.tunnelId) || matchesWildcard(rule.tunnel, question.tunnelDomain))
  );
}

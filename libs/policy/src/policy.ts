import { matchesWildcard } from './wildcard.ts';

export interface PolicyRule {
  readonly id: string;
  readonly effect: 'allow' | 'deny';
  /** Patterns; the tunnel's may name its id or its domain. */
  readonly tunnel: string;
  readonly server: string;
  readonly method: string;
  readonly name: string;
  /** Empty for a rule about tunnels. Else a pattern for the id or the name of an environment, and the rule says nothing about tunnels. */
  readonly environment: string;
}

export interface Policy {
  readonly policyId: string;
  readonly sha256: string;
  readonly rules: readonly PolicyRule[];
}

/** What is asked for of a server behind a tunnel: the method, and what it is about, a tool's name or a resource's URI. Empty where it is about nothing. */
export interface TunnelQuestion {
  readonly tunnelId: string;
  readonly tunnelDomain: string;
  readonly server: string;
  readonly method: string;
  readonly name: string;
}

/** A tool of a session in this environment. */
export interface SandboxQuestion {
  readonly environmentId: string;
  readonly environmentName: string;
  readonly tool: string;
}

export interface PolicyAnswer {
  readonly effect: 'allow' | 'deny';
  /** Empty where no rule matched. */
  readonly ruleId: string;
  readonly reason: 'rule_allows' | 'rule_denies' | 'no_rule_allows';
}

const sandboxMethod = 'tools/call';

/** Any denial that matches wins, then any permission; what nothing permits is denied. */
export function decide(policy: Policy, question: TunnelQuestion | SandboxQuestion): PolicyAnswer {
  let permission: PolicyRule | undefined;
  for (const rule of policy.rules) {
    if (!applies(rule, question)) continue;
    if (rule.effect === 'deny') return { effect: 'deny', ruleId: rule.id, reason: 'rule_denies' };
    permission ??= rule;
  }
  if (permission === undefined) return { effect: 'deny', ruleId: '', reason: 'no_rule_allows' };
  return { effect: 'allow', ruleId: permission.id, reason: 'rule_allows' };
}

/** Whether a rule can speak of anything under this tunnel, server and method, whatever its name. */
export function appliesAt(rule: PolicyRule, question: Omit<TunnelQuestion, 'name'>): boolean {
  return (
    rule.environment === '' &&
    matchesWildcard(rule.method, question.method) &&
    matchesWildcard(rule.server, question.server) &&
    (matchesWildcard(rule.tunnel, question.tunnelId) || matchesWildcard(rule.tunnel, question.tunnelDomain))
  );
}

function applies(rule: PolicyRule, question: TunnelQuestion | SandboxQuestion): boolean {
  if ('tunnelId' in question) return matchesWildcard(rule.name, question.name) && appliesAt(rule, question);
  return (
    rule.environment !== '' &&
    matchesWildcard(rule.name, question.tool) &&
    matchesWildcard(rule.method, sandboxMethod) &&
    (matchesWildcard(rule.environment, question.environmentId) ||
      matchesWildcard(rule.environment, question.environmentName))
  );
}

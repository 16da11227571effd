import { appliesAt, decide, type Policy, type TunnelQuestion } from '@sallyport/policy';
import { entryMethod } from './mcp-method.ts';

/** Where a question is asked, and the policy that answers it. */
export type PolicyPlace = Pick<TunnelQuestion, 'tunnelId' | 'tunnelDomain' | 'server'> & { readonly policy: Policy };

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
      policy = { ...place.policy, rules: place.policy.rules.filter((rule) => appliesAt(rule, question)) };
      policies.set(method, policy);
    }
    return decide(policy, question).effect === 'allow';
  };
}

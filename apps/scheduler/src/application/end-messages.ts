import type { LeaseEnd } from '../domain/work-item.ts';

const messages: Readonly<Record<string, string>> = {
  audit_unavailable: 'The call could not be recorded, so it was not made. Try again in a moment.',
  no_executor:
    'No executor took the session in time: none that fits its environment is connected, or all are busy. Nothing was run.',
  session_ended: 'The session has ended.',
  call_deadline: 'The call did not end within its deadline; its sandbox was destroyed. It may have taken effect.',
  cancelled: 'The call was cancelled.',
  lease_expired:
    'The executor that ran the call is gone; what the call did is not known. The next call gets a new sandbox.',
  sandbox_died: 'The sandbox ended during the call; what the call did is not known. The next call gets a new sandbox.',
  executor_stopping: 'The executor was stopped during the call. The next call gets a new sandbox.',
  executor_unresponsive:
    'The executor did not react; what the call did is not known. The next call gets a new sandbox.',
  environment_key_revoked: 'The executor that ran the call was shut out; what the call did is not known.',
  call_in_flight: 'The executor was still busy with another call of the session. Nothing was run.',
  invalid_arguments: 'The executor did not accept the arguments. Nothing was run.',
  lease_unknown: 'The executor did not know the session any more. Nothing was run. The next call gets a new sandbox.',
};

/** A sentence for the agent about a call that has no result. */
export function endMessage(code: string): string {
  return messages[code] ?? (code === '' ? '' : `The call failed (${code}).`);
}

const causes: Readonly<Partial<Record<LeaseEnd, string>>> = {
  lease_expired: 'its executor is gone',
  sandbox_died: 'it died',
  executor_stopping: 'its executor was stopped',
  executor_unresponsive: 'its executor did not react',
  environment_key_revoked: 'its executor was shut out',
  session_idle: 'the session was idle',
};

/** For the first result of a new sandbox: the agent must not count on what it left in the old one. */
export function goneNotice(reason: LeaseEnd): string {
  return `[The previous sandbox of this session is gone: ${causes[reason] ?? 'it was lost'}. Files, shell state and processes of it are lost; this is a new one.]`;
}

/** What to do where a scheduler refuses an executor for good: trying again would change nothing. */
const finalRefusals: ReadonlyMap<string, string> = new Map([
  [
    'environment_key_unknown',
    'the scheduler does not know the environment key: put a key of a live environment into EXECUTOR_ENVIRONMENT_KEY_FILE',
  ],
  [
    'protocol_unsupported',
    'the scheduler does not speak protocol 1: run an executor and a scheduler of versions that fit',
  ],
  [
    'capabilities_contradict',
    'the self-test does not prove the isolation that the driver stands for: the executor’s log names the checks that failed',
  ],
  ['environment_key_revoked', 'the environment key was revoked: put a new one into EXECUTOR_ENVIRONMENT_KEY_FILE'],
  ['environment_archived', 'the environment of EXECUTOR_ENVIRONMENT_KEY_FILE was archived: use a key of another one'],
  [
    'isolation_insufficient',
    'the environment asks for isolation and this executor has none: unset EXECUTOR_INSECURE_NO_ISOLATION',
  ],
  ['caller_not_admitted', 'the certificate in EXECUTOR_TLS_CERT_FILE is not that of an executor'],
]);

/** One line for a person; undefined where the executor should try again. */
export function finalRefusal(reason: string | undefined): string | undefined {
  const advice = reason === undefined ? undefined : finalRefusals.get(reason);
  return advice === undefined ? undefined : `refused for good (${reason ?? ''}): ${advice}`;
}

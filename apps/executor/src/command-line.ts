import { parseArgs } from 'node:util';
import { fail, ok, type Result } from '@sallyport/result';

export const executorHelp = `Usage: node apps/executor/src/main.ts [--insecure-no-isolation]

Runs sandboxes for a scheduler. Everything else is set by environment variables: docs/operations/configuration.md.

  --insecure-no-isolation   start also where the self-test does not prove the isolation; the same as
                            EXECUTOR_INSECURE_NO_ISOLATION=on. For tests: it is stamped on every event,
                            and environments that ask for isolation refuse this executor
  --help                    this text
`;

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment with what the arguments add to it; undefined where help was asked for. */
export function environmentWith(
  argv: readonly string[],
  environment: Environment,
): Result<Environment | undefined, string> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { 'insecure-no-isolation': { type: 'boolean' }, help: { type: 'boolean' } },
      strict: true,
    });
    if (values.help === true) return ok(undefined);
    const isInsecure = values['insecure-no-isolation'] === true;
    return ok(isInsecure ? { ...environment, EXECUTOR_INSECURE_NO_ISOLATION: 'on' } : environment);
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)} See --help.`);
  }
}

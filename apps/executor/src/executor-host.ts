import { readSecretFile } from '@sallyport/config';
import { fail, ok, type Result } from '@sallyport/result';
import {
  type Capabilities,
  type CheckResult,
  namespaceTierChecks,
  sandboxChecks,
  type SandboxDriver,
} from '@sallyport/sandbox';

import type { ExecutorConfig } from './config.ts';
import { isolationOf } from './domain/isolation.ts';
import type { Offering } from './domain/offer-fit.ts';

/** What an executor runs on: a driver whose isolation is proved, and the key of its environment. */
export interface ExecutorHost {
  readonly driver: SandboxDriver;
  readonly offering: Offering;
  readonly checks: readonly CheckResult[];
  /** True where the operator has allowed a driver without isolation, for tests. */
  readonly insecure: boolean;
  readonly environmentKey: string;
}

const environmentKeyShape = /^ek-[0-9A-Za-z_-]{8,256}$/;
const advice =
  'install bubblewrap (apt-get install bubblewrap) on Linux 5.10 or newer with unprivileged user namespaces or as root';

/** Reads the key and lets the driver test itself. A problem is one line, without a secret, that says what to do. */
export async function openExecutorHost(
  config: ExecutorConfig,
  openDriver: () => SandboxDriver,
): Promise<Result<ExecutorHost, string>> {
  const environmentKey = readKey(config.scheduler.environmentKeyFile);
  if (!environmentKey.ok) return environmentKey;
  const tested = await selfTest(openDriver);
  if (!tested.ok) return tested;
  const { driver, capabilities } = tested.value;
  const { insecureNoIsolation, limits } = config.sandboxes;
  const isolation = isolationOf(capabilities, namespaceTierChecks, insecureNoIsolation);
  if (!isolation.ok) return fail(`${isolation.reason}: ${advice}`);
  const { tier, insecure } = isolation.value;
  return ok({
    driver,
    offering: { tier, runtimes: ['host'], limits, unproved: unprovedOf(capabilities.checks) },
    checks: capabilities.checks,
    insecure,
    environmentKey: environmentKey.value,
  });
}

function unprovedOf(checks: readonly CheckResult[]): readonly string[] {
  const proved = new Set(checks.filter((each) => each.proved).map(({ check }) => check));
  return sandboxChecks.filter((check) => !proved.has(check));
}

async function selfTest(
  openDriver: () => SandboxDriver,
): Promise<Result<{ readonly driver: SandboxDriver; readonly capabilities: Capabilities }, string>> {
  try {
    const driver = openDriver();
    return ok({ driver, capabilities: await driver.capabilities() });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return fail(`isolation_unproved: the self-test of the sandbox did not run: ${cause}: ${advice}`);
  }
}

function readKey(path: string): Result<string, string> {
  try {
    const key = readSecretFile(path);
    return environmentKeyShape.test(key)
      ? ok(key)
      : fail(`EXECUTOR_ENVIRONMENT_KEY_FILE: ${path} holds no environment key (ek-…)`);
  } catch (error) {
    if (error instanceof Error && 'code' in error)
      return fail(`EXECUTOR_ENVIRONMENT_KEY_FILE: ${path} cannot be read (${String(error.code)})`);
    return fail(`EXECUTOR_ENVIRONMENT_KEY_FILE: ${error instanceof Error ? error.message : `${path} cannot be read`}`);
  }
}

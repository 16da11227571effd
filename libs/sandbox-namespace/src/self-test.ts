import { readFileSync } from 'node:fs';
import {
  type Capabilities,
  type CheckResult,
  type ExecResult,
  type SandboxCheck,
  sandboxChecks,
  type SandboxLimits,
  type SandboxSpec,
} from '@sallyport/sandbox';
import type { ControlGroups } from './control-groups.ts';
import type { NamespaceSandbox } from './namespace-sandbox.ts';
import { openHostTargets, type HostTargets, shownRootFile } from './self-test-targets.ts';

export interface SelfTest {
  readonly groups: ControlGroups | undefined;
  /** Why there are no groups. */
  readonly groupsMissing: string;
  readonly isRoot: boolean;
  readonly open: (
    spec: SandboxSpec,
    shown: readonly { readonly from: string; readonly to: string }[],
  ) => Promise<NamespaceSandbox>;
}

/** Small, so that reaching them is quick; the bombs are larger, and bounded themselves: 300 processes, 512 MiB. */
const limits: SandboxLimits = { cpuMillis: 500, memoryMib: 48, pids: 64, workspaceMib: 16 };
const stepMsMax = 5_000;
const spinMs = 300;
const floodBytes = 4 * 1024 * 1024;
const orphans = 200;
const output = { headBytes: 32 * 1024, tailBytes: 32 * 1024 };

type Outcome = Omit<CheckResult, 'check'>;
type Step = readonly [SandboxCheck, (sandbox: NamespaceSandbox, test: SelfTest) => Promise<Outcome>];

const proved: Outcome = { proved: true, detail: '' };
const notProved = (detail: string): Outcome => ({ proved: false, detail });
const provedIf = (holds: boolean, detail: string): Outcome => (holds ? proved : notProved(detail));

/** What is attempted one after the other, each by a program of its own. Those that may harm the sandbox come last. */
const steps: readonly Step[] = [
  ['separate_user', checkUser],
  ['output_bounded', checkOutput],
  ['setsid_children_die', checkSetsid],
  ['orphans_reaped', checkOrphans],
  ['workspace_bounded', checkWorkspace],
  ['cpu_bounded', checkCpu],
  ['pids_bounded', checkForks],
  ['init_survives_kill', checkInit],
  ['memory_bounded', checkMemory],
];

/** Starts a sandbox, tries to get out of it and to use it up, and says what did not succeed. */
export async function runSelfTest(test: SelfTest): Promise<Capabilities> {
  const found = new Map<string, Outcome>();
  const targets = await openHostTargets();
  try {
    const spec: SandboxSpec = { key: 'self-test', attempt: 0, runtime: '', limits, env: {} };
    const sandbox = await test.open(spec, shownRootFile());
    try {
      await attempt(sandbox, targets, found);
      for (const [check, run] of steps) found.set(check, await settled(run(sandbox, test)));
    } finally {
      await sandbox.destroy();
    }
  } finally {
    await targets.close();
  }
  const checks = sandboxChecks.map((check) => ({ check, ...(found.get(check) ?? notProved('it was not tried')) }));
  return { tier: 'namespace', checks };
}

/** A check that could not be run is not proved. */
async function settled(outcome: Promise<Outcome>): Promise<Outcome> {
  try {
    return await outcome;
  } catch (error) {
    return notProved(`the check could not be run: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function attempt(sandbox: NamespaceSandbox, targets: HostTargets, found: Map<string, Outcome>): Promise<void> {
  const ended = await probe(sandbox, ['attempts', ...targets.arguments]);
  for (const line of textOf(ended).split('\n')) {
    const [, check, verdict, problems] = /^(\w+) (proved|failed) ?(.*)$/.exec(line) ?? [];
    if (check === undefined) continue;
    found.set(check, provedIf(verdict === 'proved', `from inside: ${problems ?? ''}`));
  }
}

/** On the host, where the session's first process is seen with its real user. */
function checkUser(sandbox: NamespaceSandbox, test: SelfTest): Promise<Outcome> {
  if (!test.isRoot)
    return Promise.resolve(notProved('the executor is not root: sessions run as its own user of the host'));
  const line = /^Uid:\s+(.*)$/m.exec(readFileSync(`/proc/${sandbox.pid}/status`, 'utf8'))?.[1] ?? '';
  const uids = line.split(/\s+/);
  const isSeparate = sandbox.uid !== undefined && uids.every((uid) => uid === String(sandbox.uid));
  return Promise.resolve(provedIf(isSeparate, `the session's users on the host are ${uids.join(', ')}`));
}

async function checkOutput(sandbox: NamespaceSandbox): Promise<Outcome> {
  const ended = await run(sandbox, ['head', '-c', String(floodBytes), '/dev/zero']);
  const kept = ended.head.length + ended.tail.length;
  const isBounded = kept === output.headBytes + output.tailBytes && ended.omittedBytes === floodBytes - kept;
  return provedIf(isBounded, `of ${floodBytes} bytes ${kept} were kept and ${ended.omittedBytes} left out`);
}

async function checkSetsid(sandbox: NamespaceSandbox): Promise<Outcome> {
  await run(sandbox, [
    'bash',
    '-c',
    'for i in {1..5}; do setsid sleep 600 & done; (setsid setsid sleep 600 &); exit 0',
  ]);
  return onlyAgentLeft(sandbox);
}

async function checkOrphans(sandbox: NamespaceSandbox): Promise<Outcome> {
  const script = `for i in {1..${orphans}}; do (: &); done; sleep 0.05; cat /proc/[0-9]*/stat | grep -c ') Z '`;
  const during = textOf(await run(sandbox, ['bash', '-c', script])).trim();
  return during === '0' ? await onlyAgentLeft(sandbox) : notProved(`${during} zombies after ${orphans} orphans`);
}

async function onlyAgentLeft(sandbox: NamespaceSandbox): Promise<Outcome> {
  const left = textOf(await probe(sandbox, ['processes'])).trim();
  return provedIf(left === 'others 0 zombies 0', `after the call: ${left}`);
}

async function checkWorkspace(sandbox: NamespaceSandbox): Promise<Outcome> {
  const said = textOf(await probe(sandbox, ['fill', '/workspace'])).trim();
  const mib = Number(/^wrote (\d+) No space left/.exec(said)?.[1] ?? Number.NaN);
  return provedIf(mib > 0 && mib <= limits.workspaceMib, `of a file system of ${limits.workspaceMib} MiB: ${said}`);
}

async function checkCpu(sandbox: NamespaceSandbox, test: SelfTest): Promise<Outcome> {
  if (test.groups === undefined) return notProved(test.groupsMissing);
  const throttledBefore = sandbox.throttled();
  const said = textOf(await probe(sandbox, ['spin', String(spinMs)])).trim();
  const throttled = sandbox.throttled() - throttledBefore;
  const usedMs = Number(/^used (\d+)$/.exec(said)?.[1] ?? Number.NaN);
  // Half a core for as long as it took, one period more, and what the clock of the scheduler cannot see.
  const isBounded = usedMs <= (spinMs * limits.cpuMillis) / 1_000 + 150 && throttled > 0;
  return provedIf(
    isBounded,
    `two processes used ${usedMs} ms of half a core in ${spinMs} ms, throttled ${throttled} times`,
  );
}

async function checkForks(sandbox: NamespaceSandbox): Promise<Outcome> {
  const said = textOf(await probe(sandbox, ['forks'])).trim();
  const started = Number(/^started (\d+)$/.exec(said)?.[1] ?? Number.NaN);
  const left = await onlyAgentLeft(sandbox);
  return started <= limits.pids ? left : notProved(`with a limit of ${limits.pids} processes: ${said}`);
}

async function checkInit(sandbox: NamespaceSandbox): Promise<Outcome> {
  await probe(sandbox, ['attack-init']);
  const after = await run(sandbox, ['true']);
  return provedIf(after.code === 0, `the next call ended with code ${after.code}`);
}

async function checkMemory(sandbox: NamespaceSandbox, test: SelfTest): Promise<Outcome> {
  if (test.groups === undefined) return notProved(test.groupsMissing);
  const ended = await probe(sandbox, ['memory']);
  const after = await run(sandbox, ['true']);
  return provedIf(
    ended.outcome === 'oom' && after.code === 0,
    `asking for 512 MiB ended as ${ended.outcome} ${ended.code}, the next call with code ${after.code}`,
  );
}

function run(sandbox: NamespaceSandbox, argv: readonly string[]): Promise<ExecResult> {
  return sandbox.exec(requestOf(argv), { signal: AbortSignal.timeout(stepMsMax) });
}

function probe(sandbox: NamespaceSandbox, args: readonly string[]): Promise<ExecResult> {
  return sandbox.probe(requestOf(['sallyport', 'probe', ...args]), { signal: AbortSignal.timeout(stepMsMax) });
}

function requestOf(argv: readonly string[]) {
  return { argv, cwd: '/workspace', env: {}, stdin: undefined, timeoutMs: stepMsMax, output };
}

function textOf(ended: ExecResult): string {
  return Buffer.concat([ended.head, ended.tail]).toString('utf8');
}

import { ControlClient } from '../control/control-client.ts';
import { tailAudit } from '../output/audit-tail.ts';
import type { ReadyInfo } from '../output/ready-text.ts';
import { type Output, Reporter } from '../output/reporter.ts';
import { Suite, type SuiteRequest } from '../suite/suite.ts';
import { installForSandboxes } from '../suite/sandbox-packages.ts';
import { confirm } from './confirm.ts';
import { aborted, Interruption } from './interruption.ts';
import type { UpOptions } from './up-options.ts';

const exitInterrupted = 130;

/** Runs the suite until it is interrupted, or for the length of the demo. Resolves with the exit code. */
export async function up(
  options: UpOptions,
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<number> {
  process.umask(0o022); // PostgreSQL may run as another user; what is secret gets its own mode
  const reporter = new Reporter(output, options.json);
  let suite: Suite | undefined;
  const interruption = new Interruption(() => {
    void (suite?.kill() ?? Promise.resolve()).finally(() => process.exit(exitInterrupted));
  });
  const refuse = (reason: string): number => {
    if (options.once) reporter.summary({ ok: false, reason });
    reporter.problem(reason);
    return 1;
  };
  const request: SuiteRequest = {
    data: options.data,
    routerPort: options.port,
    kafka: options.kafka,
    env,
    signal: interruption.signal,
    step: (text) => reporter.step(text),
    events: {
      ended: (name, why, restartInMs) => reporter.processEnded(name, why, restartInMs),
      ready: (name, pid) => reporter.processReady(name, pid),
    },
  };
  if (options.install) {
    const installed = await installForSandboxes({
      env,
      uid: process.getuid?.() ?? -1,
      confirm: (question) => confirm(question, interruption.signal),
      step: (text) => reporter.step(text),
    });
    if (!installed.ok) return refuse(installed.reason);
  }
  const opened = await Suite.open(request);
  if (!opened.ok) return refuse(opened.reason);
  suite = opened.value;
  try {
    const ready = await suite.boot(request);
    if (!ready.ok) {
      await suite.stop();
      return interruption.signal.aborted && !options.once ? exitInterrupted : refuse(ready.reason);
    }
    const { sandboxProblem } = ready.value;
    if (sandboxProblem !== null) reporter.warning(`no sandboxes: ${sandboxProblem}`);
    if (options.once && options.install && sandboxProblem !== null) {
      await suite.stop();
      return refuse(`there is no executor: ${sandboxProblem}`);
    }
    if (options.once) return await once(suite, ready.value, reporter, interruption.signal);
    reporter.ready(ready.value);
    await followAudit(suite, ready.value, reporter, interruption.signal);
    reporter.step('stopping');
    await suite.stop();
    return 0;
  } finally {
    await suite.stop();
  }
}

async function followAudit(suite: Suite, ready: ReadyInfo, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const client = new ControlClient({ url: ready.controlUrl, apiKey: suite.operatorKey() });
  await tailAudit(client, { backlog: 0, signal, onEvent: (event) => reporter.audit(event), onBreak: () => true });
  await aborted(signal);
  await client.close();
}

/** The suite is stopped before the summary is printed, so that whoever reads it finds nothing running. */
async function once(suite: Suite, ready: ReadyInfo, reporter: Reporter, signal: AbortSignal): Promise<number> {
  const { runDemo } = await import('../demo/run-demo.ts');
  const demo = await runDemo(ready, suite.operatorKey(), reporter, signal);
  reporter.step('stopping');
  await suite.stop();
  if (!demo.ok) {
    reporter.summary({ ok: false, reason: demo.reason });
    reporter.problem(demo.reason);
    return 1;
  }
  reporter.summary({ ok: true, ...demo.value });
  return 0;
}

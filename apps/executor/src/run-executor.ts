import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';
import type { SandboxDriver } from '@sallyport/sandbox';

import { environmentWith, executorHelp } from './command-line.ts';
import { type ExecutorConfig, executorConfigSections } from './config.ts';
import { ExecutorModule } from './executor.module.ts';
import { openExecutorHost } from './executor-host.ts';
import { closingMs, ExecutorService } from './executor-service.ts';
import type { ToolRunner } from './ports/tool-runner.ts';

const exitUsage = 64;
const exitConfiguration = 78;

/** The process of an executor, from its arguments to its end. */
export async function runExecutor(
  started: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> },
  tools: ToolRunner,
  openDriver: (config: ExecutorConfig) => SandboxDriver,
): Promise<void> {
  const report = (problem: string) => void process.stderr.write(`executor: ${problem}\n`);
  const environment = environmentWith(started.argv, started.env);
  if (!environment.ok) {
    report(environment.reason);
    process.exitCode = exitUsage;
    return;
  }
  if (environment.value === undefined) {
    process.stdout.write(executorHelp);
    return;
  }
  const config = loadConfig(executorConfigSections, environment.value);
  const host = await openExecutorHost(config, () => openDriver(config));
  if (!host.ok) {
    report(host.reason);
    process.exit(exitConfiguration);
  }
  const onDrain = () => process.kill(process.pid, 'SIGTERM');
  await runApp(ExecutorModule.with(config, host.value, tools, { report, onDrain }), {
    services: [ExecutorService],
    drainMs: config.drain.drainMs + closingMs,
    report,
  });
}

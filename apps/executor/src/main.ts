import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';
import { NamespaceDriver } from '@sallyport/sandbox-namespace';

import { SandboxToolRunner } from './adapters/tools/sandbox-tool-runner.ts';
import { executorConfigSections } from './config.ts';
import { ExecutorModule } from './executor.module.ts';
import { openExecutorHost } from './executor-host.ts';
import { closingMs, ExecutorService } from './executor-service.ts';

const config = loadConfig(executorConfigSections, process.env);
const report = (problem: string) => process.stderr.write(`executor: ${problem}\n`);
const host = await openExecutorHost(config, () => new NamespaceDriver(config.sandboxes));
if (!host.ok) {
  report(host.reason);
  process.exit(78);
}
const onDrain = () => process.kill(process.pid, 'SIGTERM');
await runApp(ExecutorModule.with(config, host.value, new SandboxToolRunner(), { report, onDrain }), {
  services: [ExecutorService],
  drainMs: config.drain.drainMs + closingMs,
  report,
});

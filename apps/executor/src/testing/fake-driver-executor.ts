import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';

import { executorConfigSections } from '../config.ts';
import { ExecutorModule } from '../executor.module.ts';
import { openExecutorHost } from '../executor-host.ts';
import { closingMs, ExecutorService } from '../executor-service.ts';
import { FakeDriver } from './fake-driver.ts';
import { FakeTools } from './fake-tools.ts';

// The executor's process with sandboxes that hold nothing: for tests of everything around them.
const config = loadConfig(executorConfigSections, process.env);
const report = (problem: string) => process.stderr.write(`executor: ${problem}\n`);
const host = await openExecutorHost(config, () => new FakeDriver());
if (!host.ok) {
  report(host.reason);
  process.exit(78);
}
const onDrain = () => process.kill(process.pid, 'SIGTERM');
await runApp(ExecutorModule.with(config, host.value, new FakeTools(), { report, onDrain }), {
  services: [ExecutorService],
  drainMs: config.drain.drainMs + closingMs,
  report,
});

import { NamespaceDriver } from '../index.ts';

/** A process that is to be killed: it makes two sandboxes, says so, and waits. Arguments: stateDir, cacheDir. */
const [stateDir = '', cacheDir = ''] = process.argv.slice(2);
const driver = new NamespaceDriver({ stateDir, cacheDir });
const limits = { cpuMillis: 1_000, memoryMib: 64, pids: 32, workspaceMib: 16 };
const { signal } = new AbortController();
for (const key of ['one', 'other']) {
  const sandbox = await driver.create({ key, attempt: 1, runtime: '', limits, env: {} }, { signal });
  // It runs when the executor is killed.
  void sandbox.shell({ command: 'sleep 600', timeoutMs: 600_000, output: { headBytes: 0, tailBytes: 0 } }, { signal });
}
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);

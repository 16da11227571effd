import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Counts, countsOf, type Step, sumOf } from './steps.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs one step after the other, also after a failure. `read` gives the text of a report, or throws. */
export async function runSteps(steps: readonly Step[], read: (path: string) => string): Promise<Counts> {
  const results: Counts[] = [];
  for (const step of steps) {
    process.stdout.write(`\n── ${step.name}: ${step.says}\n`);
    const startedAtMs = Date.now();
    const counts = await runStep(step, read);
    results.push(counts);
    process.stdout.write(
      `── ${step.name}: ${counts.failed === 0 ? 'ok' : 'FAILED'}, ${Math.round((Date.now() - startedAtMs) / 1000)} s\n`,
    );
  }
  return sumOf(results);
}

async function runStep(step: Step, read: (path: string) => string): Promise<Counts> {
  const report = join(tmpdir(), `sallyport-${step.name}-${process.pid}.json`);
  const args =
    step.isVitest === true
      ? [...step.args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
      : step.args;
  const code = await new Promise<number>((resolve) => {
    const child = spawn(step.command, args, { cwd: root, stdio: 'inherit' });
    child.once('error', () => resolve(127));
    child.once('exit', (exit) => resolve(exit ?? 1));
  });
  if (step.isVitest !== true) return countsOf(code, undefined);
  try {
    return countsOf(code, read(report));
  } catch {
    return countsOf(code === 0 ? 1 : code, undefined); // a test run without a report is no passed test run
  } finally {
    rmSync(report, { force: true });
  }
}

import { readFileSync } from 'node:fs';
import { runSteps } from './run-steps.ts';
import { steps } from './steps.ts';

/** `npm test`: every check, the cheapest first. All of them run; the last line counts what passed, failed and was skipped. */
const wanted = process.argv.slice(2);
const chosen = wanted.length === 0 ? steps : steps.filter((step) => wanted.includes(step.name));
if (wanted.includes('--help') || chosen.length === 0) {
  process.stdout.write(`npm test [-- STEP…]   steps: ${steps.map((step) => step.name).join(', ')}\n`);
  process.exitCode = wanted.includes('--help') ? 0 : 64;
} else {
  const { passed, failed, skipped } = await runSteps(chosen, (path) => readFileSync(path, 'utf8'));
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

import { fileURLToPath } from 'node:url';
import { publishEvents } from './publish-events.ts';

/** `npm run events`: writes `docs/events/`. Refuses a change that would break consumers of the last commit. With `--check` nothing is written. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const problems = publishEvents(root, process.argv.includes('--check'));
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;

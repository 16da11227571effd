import { parseArgs } from 'node:util';
import { renderProfileReport } from './render-profile-report.ts';
import { runProfile } from './run-profile.ts';

const help = `Usage: npm run bench:profile -- [--seconds N]

Boots the suite with a profiler in each process, loads each half for N seconds (default 20), and says what a call costs:
CPU by module and function, bytes, statements of the database. docs/benchmarks.md says how to read the tables.
`;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '20' }, help: { type: 'boolean' } },
  strict: true,
});
const seconds = Number(values.seconds);
if (values.help === true) process.stdout.write(help);
else if (!(seconds > 0)) {
  process.stderr.write('bench:profile: --seconds is a number above 0. See --help.\n');
  process.exitCode = 64;
} else {
  process.stdout.write(
    renderProfileReport(await runProfile(seconds, (text) => void process.stderr.write(`${text}\n`))),
  );
}

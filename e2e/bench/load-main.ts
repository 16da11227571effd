import { parseArgs } from 'node:util';
import { renderLoadReport } from './render-load-report.ts';
import { runLoadBench } from './run-load-bench.ts';

const help = `Usage: npm run bench:load -- [--minutes N] [--streams N] [--share N] [--json]

Boots the suite, measures how many calls a second it can do, and loads it with a share of that (default 0.7) for N
minutes (default 30), beside N idle event streams (default 2000). Says what did not stay flat.
docs/benchmarks.md says how to read the table.
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    streams: { type: 'string', default: '2000' },
    share: { type: 'string', default: '0.7' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
  strict: true,
});
const plan = { minutes: Number(values.minutes), streams: Number(values.streams), share: Number(values.share) };
if (values.help === true) process.stdout.write(help);
else if (!(plan.minutes > 0 && plan.streams >= 0 && plan.share > 0 && plan.share <= 1)) {
  process.stderr.write('bench:load: --minutes and --streams are numbers, --share is one up to 1. See --help.\n');
  process.exitCode = 64;
} else {
  const report = await runLoadBench(plan, (text) => void process.stderr.write(`${text}\n`));
  process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : renderLoadReport(report));
}

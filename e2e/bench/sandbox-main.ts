import { parseArgs } from 'node:util';
import { renderSandboxReport } from './render-sandbox-report.ts';
import { runSandboxBench } from './run-sandbox-bench.ts';

const help = `Usage: npm run bench:sandbox -- [--quick] [--json]

Boots the suite on this machine and measures calls in sandboxes against starting the bare program.
Takes about two minutes; --quick about one. docs/benchmarks.md says how to read the table.
`;

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  strict: true,
});
if (values.help === true) process.stdout.write(help);
else {
  const note = (text: string) => process.stderr.write(`${text}\n`);
  const report = await runSandboxBench(values.quick === true ? 0.4 : 1, note);
  process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : renderSandboxReport(report));
}

import { parseArgs } from 'node:util';
import { renderLedgerReport } from './render-ledger-report.ts';
import { runLedgerBench } from './run-ledger-bench.ts';

const help = `Usage: npm run bench:ledger -- [--events N] [--slice N] [--json]

Boots the suite, fills its ledger with N events of calls (default 10000000) in slices (default 1000000), and measures
ingestion, searches with their plans, proofs, export and verification. Ten million need 60 GB below the temporary
folder and about an hour. docs/benchmarks.md says how to read the tables.
`;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    slice: { type: 'string', default: '1000000' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
  strict: true,
});
const [events, slice] = [Number(values.events), Number(values.slice)];
if (values.help === true) process.stdout.write(help);
else if (!(Number.isSafeInteger(events) && Number.isSafeInteger(slice) && events > 0 && slice > 0)) {
  process.stderr.write('bench:ledger: --events and --slice are whole numbers above 0. See --help.\n');
  process.exitCode = 64;
} else {
  const report = await runLedgerBench(events, slice, (text) => void process.stderr.write(`${text}\n`));
  process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : renderLedgerReport(report));
}

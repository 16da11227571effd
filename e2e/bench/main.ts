import { benchHelp, parseBenchOptions } from './bench-options.ts';
import { renderReport } from './render-report.ts';
import { runBench } from './run-bench.ts';

const options = parseBenchOptions(process.argv.slice(2));
if (options === undefined) process.stdout.write(benchHelp);
else {
  const note = (text: string) => process.stderr.write(`${text}\n`);
  const report = await runBench(options, note);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : renderReport(report));
}

import type { LoadReport, LoadSample } from './run-load-bench.ts';

/** What has to stay flat: its first and last third, and its slope over all. */
export function renderLoadReport({ machine, plan, maximumPerS, targetPerS, streamsLost, samples }: LoadReport): string {
  const row = (title: string, pick: (sample: LoadSample) => number, digits = 0) => {
    const values = samples.map(pick);
    const third = Math.max(1, Math.floor(values.length / 3));
    const cells = [
      median(values.slice(0, third)),
      median(values.slice(-third)),
      Math.max(...values),
      slopePerHour(samples, pick),
    ];
    return `| ${title} | ${cells.map((value) => value.toFixed(digits)).join(' | ')} |`;
  };
  const [first] = samples;
  const names = (values: Readonly<Record<string, number>> | undefined) => Object.keys(values ?? {});
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, Node ${machine.node}, ${machine.at}`,
    `${plan.minutes} minutes at ${targetPerS} calls/s, ${plan.share * 100} % of ${Math.round(maximumPerS)}, beside ${plan.streams} idle streams, of which ${streamsLost} were lost`,
    '',
    '| | first third | last third | most | slope an hour |',
    '|---|---:|---:|---:|---:|',
    row('calls/s', ({ callsPerS }) => callsPerS),
    row('refused in 30 s', ({ refused }) => refused),
    row('p50, ms', ({ p50Ms }) => p50Ms, 1),
    row('p99, ms', ({ p99Ms }) => p99Ms, 1),
    ...names(first?.residentMib).map((name) => row(`memory, ${name}, MiB`, (sample) => sample.residentMib[name] ?? 0)),
    ...names(first?.descriptors).map((name) => row(`descriptors, ${name}`, (sample) => sample.descriptors[name] ?? 0)),
    ...names(first?.eventLoopDelayMs).map((name) =>
      row(`event loop p99, worst second, ${name}, ms`, (sample) => sample.eventLoopDelayMs[name] ?? 0, 1),
    ),
    row('database, MiB', ({ databaseMib }) => databaseMib),
    row('database grows by, KiB a call', ({ databaseKibPerCall }) => databaseKibPerCall, 1),
    row('time in statements per commit, ms', ({ statementMs }) => statementMs, 2),
    '',
  ].join('\n');
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Least squares. */
function slopePerHour(samples: readonly LoadSample[], pick: (sample: LoadSample) => number): number {
  const meanX = samples.reduce((sum, { atS }) => sum + atS, 0) / samples.length;
  const meanY = samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  let [covariance, variance] = [0, 0];
  for (const sample of samples) {
    covariance += (sample.atS - meanX) * (pick(sample) - meanY);
    variance += (sample.atS - meanX) ** 2;
  }
  return variance === 0 ? 0 : (covariance / variance) * 3_600;
}

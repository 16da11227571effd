import {
  type BenchReport,
  concurrencies,
  type Concurrency,
  type LoadedRun,
  type Slice,
  type TargetName,
  targetNames,
} from './run-bench.ts';

type Row = readonly string[];

const titles = ['', 'direct', 'audit off ¹', '÷ direct', 'audit on', '÷ direct'] as const;
const aims = { addedP50Ms: 1.5, fullLoadPerS: 2_500, sustainedPerS: 1_000, lagMs: 2_000 };

/** The one table, as Markdown. */
export function renderReport(report: BenchReport): string {
  const { cpu, cores, memoryGib, node, at } = report.machine;
  const { rounds, sliceS } = report.plan;
  const rows = [
    ...concurrencies.flatMap((concurrency) => latencyRows(report, concurrency)),
    ...cpuRows(report),
    ...memoryRows(report),
    ...loadRows(`closed loop, 32 at once, ${report.fullLoad.durationS} s`, report.fullLoad, aims.fullLoadPerS),
    ...loadRows(`open loop, 1 000/s, ${report.sustained.durationS} s`, report.sustained, aims.sustainedPerS * 0.99),
  ];
  return [
    `${cpu}, ${cores} cores, ${memoryGib} GiB, Node ${node}, event log in ${report.eventLog}, ${at}`,
    `live tail of the ledger ${report.tail ? 'on' : 'off'}`,
    `medians of ${rounds} rounds, ${sliceS} s for each target and concurrency, taken in turn`,
    '',
    table([titles, ...rows]),
    '',
    '¹ the same call through a router that records nothing; the product has no such switch',
    '',
  ].join('\n');
}

function latencyRows(report: BenchReport, concurrency: Concurrency): Row[] {
  const row = (title: string, pick: (slice: Slice) => number, format: (value: number) => string): Row => {
    const of = (target: TargetName) => format(medianOf(report, target, concurrency, pick));
    const ratio = (target: TargetName) => times(ratioOf(report, target, concurrency, pick));
    return [
      `${title}, ${concurrency} at once`,
      of('direct'),
      of('unaudited'),
      ratio('unaudited'),
      of('audited'),
      ratio('audited'),
    ];
  };
  const added = (title: string, pick: (slice: Slice) => number): Row => {
    const of = (target: TargetName) => addedOf(report, target, concurrency, pick);
    const direct = medianOf(report, 'direct', concurrency, pick);
    const cell = (target: TargetName) => [ms(of(target)), times(of(target) / direct)];
    const aim = title === 'added p50' && concurrency === 1 ? ` (aim ≤ ${ms(aims.addedP50Ms)})` : '';
    return [`**${title}**, ${concurrency} at once${aim}`, '', ...cell('unaudited'), ...cell('audited')];
  };
  return [
    row('p50', (slice) => slice.p50Ms, ms),
    row('p99', (slice) => slice.p99Ms, ms),
    added('added p50', (slice) => slice.p50Ms),
    added('added p99', (slice) => slice.p99Ms),
    row('calls/s', (slice) => slice.callsPerS, whole),
  ];
}

function cpuRows(report: BenchReport): Row[] {
  const perCallUs = (name: string) => (slice: Slice) => ((slice.cpuMs[name] ?? 0) * 1_000) / slice.calls;
  const total = (slice: Slice) => Object.keys(slice.cpuMs).reduce((sum, name) => sum + perCallUs(name)(slice), 0);
  const names = Object.keys(report.slices[0]?.cpuMs ?? {});
  const direct = medianOf(report, 'direct', 32, total);
  const row = (title: string, pick: (slice: Slice) => number): Row => {
    const [plain, unaudited, audited] = targetNames.map((target) => medianOf(report, target, 32, pick));
    const cells = [unaudited, audited].flatMap((value = 0) => [us(value), times(value / direct)]);
    return [`CPU per call, ${title}`, us(plain ?? 0), ...cells];
  };
  return [...names.map((name) => row(name, perCallUs(name))), row('**all**', total)];
}

/** One figure per process: memory is not told apart by what was sent. */
function memoryRows(report: BenchReport): Row[] {
  const upstream = report.residentMib['upstream'] ?? 1;
  return Object.entries(report.residentMib)
    .filter(([name]) => name !== 'generator' && name !== 'upstream')
    .map(([name, mib]) => [
      `${name === 'postgres' ? 'PSS' : 'RSS'}, ${name}`,
      `${whole(upstream)} MiB`,
      '',
      '',
      `${whole(mib)} MiB`,
      times(mib / upstream),
    ]);
}

function loadRows(title: string, run: LoadedRun, perSMin: number): Row[] {
  const cell = (name: string, value: string): Row => [`${title}: ${name}`, '', '', '', value, ''];
  const verdict = (isMet: boolean) => (isMet ? 'met' : '**missed**');
  const lags = [...run.lagsMs].sort((a, b) => a - b);
  const lagMost = lags.at(-1) ?? 0;
  return [
    cell('calls/s', `${whole(run.callsPerS)} (aim ${whole(perSMin)}: ${verdict(run.callsPerS >= perSMin)})`),
    cell('refused', whole(run.refused)),
    cell('calls in the slowest second', whole(run.slowestSecondCalls)),
    cell('p50 and p99', `${ms(run.p50Ms)} and ${ms(run.p99Ms)}`),
    cell('ledger lag, median', ms(median(lags))),
    cell('ledger lag, most', `${ms(lagMost)} (aim < 2 s: ${verdict(lagMost < aims.lagMs)})`),
  ];
}

function pickSlices(report: BenchReport, target: TargetName, concurrency: Concurrency): readonly Slice[] {
  return report.slices.filter((slice) => slice.target === target && slice.concurrency === concurrency);
}

function medianOf(report: BenchReport, target: TargetName, concurrency: Concurrency, pick: (slice: Slice) => number) {
  return median(pickSlices(report, target, concurrency).map(pick));
}

/** Median of the rounds' own ratios: what slows the machine for a while slows both sides of a round. */
function ratioOf(report: BenchReport, target: TargetName, concurrency: Concurrency, pick: (slice: Slice) => number) {
  return median(paired(report, target, concurrency, pick, (value, direct) => value / direct));
}

function addedOf(report: BenchReport, target: TargetName, concurrency: Concurrency, pick: (slice: Slice) => number) {
  return median(paired(report, target, concurrency, pick, (value, direct) => value - direct));
}

function paired(
  report: BenchReport,
  target: TargetName,
  concurrency: Concurrency,
  pick: (slice: Slice) => number,
  combine: (value: number, direct: number) => number,
): number[] {
  const direct = pickSlices(report, 'direct', concurrency);
  return pickSlices(report, target, concurrency).map((slice) => {
    const other = direct.find(({ round }) => round === slice.round);
    return combine(pick(slice), other === undefined ? Number.NaN : pick(other));
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function table(rows: readonly Row[]): string {
  const widths = titles.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: Row) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head, ...body] = rows.map(line);
  return [head, rule, ...body].join('\n');
}

const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const us = (value: number) => `${value.toFixed(0)} µs`;
const times = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)}×`;
const whole = (value: number) => Math.round(value).toLocaleString('en').replaceAll(',', ' ');

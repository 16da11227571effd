import type { SandboxReport } from './run-sandbox-bench.ts';

const aims = { coldMs: 80, warmMs: 6, coldPerS: 60, warmPerS: 400 };

/** The table, as Markdown. */
export function renderSandboxReport(report: SandboxReport): string {
  const { cpu, cores, memoryGib, node, at } = report.machine;
  const { bareMs, coldMs, warmMs, barePerS, coldPerS, warmPerS } = report;
  const cpuAll = Object.values(report.cpuUs).reduce((sum, us) => sum + us, 0);
  const rows: readonly (readonly [string, string, string, string])[] = [
    [
      'cold: new session, first `bash true`, p50',
      ms(coldMs.p50),
      times(coldMs.p50 / bareMs.p50),
      aim(coldMs.p50 <= aims.coldMs, `≤ ${aims.coldMs} ms`),
    ],
    ['cold, p99', ms(coldMs.p99), times(coldMs.p99 / bareMs.p99), ''],
    [
      'warm: `bash true`, agent to result, p50',
      ms(warmMs.p50),
      times(warmMs.p50 / bareMs.p50),
      aim(warmMs.p50 <= aims.warmMs, `≤ ${aims.warmMs} ms`),
    ],
    ['warm, p99', ms(warmMs.p99), times(warmMs.p99 / bareMs.p99), ''],
    [
      'session starts/s, 4 at once',
      whole(coldPerS),
      times(coldPerS / barePerS),
      aim(coldPerS >= aims.coldPerS, `≥ ${aims.coldPerS}`),
    ],
    [
      'warm calls/s over 16 sessions',
      whole(warmPerS),
      times(warmPerS / barePerS),
      aim(warmPerS >= aims.warmPerS, `≥ ${aims.warmPerS}`),
    ],
    ['memory of an idle session', mib(report.idleMib), times(report.idleMib / report.bareMib), ''],
    ...Object.entries(report.cpuUs).map(
      ([name, us]) => [`CPU per warm call, ${name}`, `${us.toFixed(0)} µs`, '', ''] as const,
    ),
    ['CPU per warm call, **all**', `${cpuAll.toFixed(0)} µs`, '', ''],
    ...Object.entries(report.residentMib).map(([name, value]) => [`memory, ${name}`, mib(value), '', ''] as const),
  ];
  return [
    `${cpu}, ${cores} cores, ${memoryGib} GiB, Node ${node}, ${at}`,
    `bare \`bash -c true\` from Node: p50 ${ms(bareMs.p50)}, p99 ${ms(bareMs.p99)}, ${whole(barePerS)}/s with 4 at once; an idle bash has ${mib(report.bareMib)}`,
    '',
    '| | figure | ÷ bare process | aim |',
    '|---|---:|---:|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
  ].join('\n');
}

const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const mib = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} MiB`;
const times = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)}×`;
const whole = (value: number) => value.toFixed(0);
const aim = (isMet: boolean, text: string) => `${text}: ${isMet ? 'met' : '**missed**'}`;

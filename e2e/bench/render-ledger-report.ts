import type { LedgerReport } from './run-ledger-bench.ts';

export function renderLedgerReport({ machine, events, slices, queries, files }: LedgerReport): string {
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, Node ${machine.node}, ${machine.at}`,
    `${events} leaves`,
    '',
    '| ingestion | leaves a second | database, GiB |',
    '|---|---:|---:|',
    ...slices.map(
      ({ from, to, seconds, databaseGib }) =>
        `| ${from} to ${to} | ${Math.round((to - from) / seconds)} | ${databaseGib.toFixed(1)} |`,
    ),
    '',
    '| question | first, ms | median, ms | most, ms | answer | plan |',
    '|---|---:|---:|---:|---:|---|',
    ...queries.map(
      ({ title, firstMs, medianMs, mostMs, answer, plans }) =>
        `| ${title} | ${firstMs.toFixed(1)} | ${medianMs.toFixed(1)} | ${mostMs.toFixed(1)} | ${answer} | ${plans.join('; ')} |`,
    ),
    '',
    '| export | s | answer |',
    '|---|---:|---|',
    ...files.map(({ title, seconds, answer }) => `| ${title} | ${seconds.toFixed(1)} | ${answer} |`),
    '',
  ].join('\n');
}

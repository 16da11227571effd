import type { FuzzOutcome } from './fuzzer-process.ts';

export interface Row extends FuzzOutcome {
  readonly name: string;
  readonly seconds: number;
}

const headings = ['target', 'seconds', 'executions', 'exec/s', 'coverage', 'features', 'corpus', 'MB', 'findings'];

/** One line a target, columns aligned. */
export function summaryTable(rows: readonly Row[]): string {
  const lines = [headings, ...rows.map(cellsOf)];
  const widths = headings.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines
    .map((cells) => {
      const padded = cells.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      return `${padded.join('  ')}\n`;
    })
    .join('');
}

function cellsOf({ name, seconds, progress, findings, exitCode }: Row): readonly string[] {
  const { executions, coverage, features, corpusSize, rssMb } = progress;
  const rate = seconds > 0 ? Math.round(executions / seconds) : 0;
  const numbers = [Math.round(seconds), executions, rate, coverage, features, corpusSize, rssMb].map(String);
  const found = findings.length === 0 && exitCode !== 0 ? `did not run (exit ${exitCode})` : String(findings.length);
  return [name, ...numbers, found];
}

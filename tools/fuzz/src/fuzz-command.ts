import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { type FuzzRun, helpText, parseCommandLine } from './command-line.ts';
import { fuzzTargetNamed, type FuzzTarget } from './fuzz-targets.ts';
import type { FuzzerProgress } from './fuzzer-output.ts';
import { type FuzzOutcome, fuzzTarget, mergeCorpus } from './fuzzer-process.ts';
import { corpusDirDefault } from './places.ts';
import { type Row, summaryTable } from './summary-table.ts';

const progressEveryMs = 5_000;

/** Runs what the arguments ask for; gives the exit code. */
export async function runFuzzCommand(args: readonly string[], print: (text: string) => void): Promise<number> {
  const command = parseCommandLine(args);
  switch (command.type) {
    case 'help':
      print(helpText);
      return 0;
    case 'wrong':
      print(`${command.why}\n\n${helpText}`);
      return 64;
    case 'replay':
      fuzzTargetNamed(command.target)?.fuzz(readFileSync(command.file));
      print(`${command.target} keeps its promises on ${command.file}\n`);
      return 0;
    case 'fuzz':
    case 'merge':
      return runTargets(command, print);
  }
}

async function runTargets(run: FuzzRun, print: (text: string) => void): Promise<number> {
  const corpusDir = resolve(run.corpusDir ?? corpusDirDefault);
  const rows: Row[] = [];
  for (const name of run.targets) {
    const target = fuzzTargetNamed(name);
    if (target === undefined) continue;
    const startedAtMs = Date.now();
    const outcome =
      run.type === 'merge'
        ? await mergeCorpus(target, corpusDir)
        : await fuzzTarget(target, corpusDir, run.seconds, progressPrinter(target, print));
    rows.push({ name, seconds: (Date.now() - startedAtMs) / 1000, ...outcome });
    if (hasFailed(outcome)) print(failure(target, outcome));
  }
  if (run.type === 'fuzz') print(`\n${summaryTable(rows)}`);
  return rows.some(hasFailed) ? 1 : 0;
}

function progressPrinter(target: FuzzTarget, print: (text: string) => void): (progress: FuzzerProgress) => void {
  let printedAtMs = 0;
  return ({ executions, coverage, features, corpusSize, executionsPerSecond, rssMb }) => {
    if (Date.now() - printedAtMs < progressEveryMs) return;
    printedAtMs = Date.now();
    print(
      `${target.name}: ${executions} executions, ${executionsPerSecond}/s, coverage ${coverage}, features ${features}, corpus ${corpusSize}, ${rssMb} MB\n`,
    );
  };
}

function hasFailed({ findings, exitCode }: Pick<FuzzOutcome, 'findings' | 'exitCode'>): boolean {
  return findings.length > 0 || exitCode !== 0;
}

function failure(target: FuzzTarget, outcome: FuzzOutcome): string {
  const again = outcome.findings.map((file) => `npm run fuzz -- --replay ${file} ${target.name}`);
  return `${target.name} FAILED\n${[...outcome.report, ...again].map((line) => `    ${line}\n`).join('')}`;
}

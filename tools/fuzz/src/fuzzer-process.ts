import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import type { FuzzTarget } from './fuzz-targets.ts';
import { artifactOf, type FuzzerProgress, noProgress, withLine } from './fuzzer-output.ts';
import { rootDir, seedsDirOf } from './places.ts';

const rssMaxMb = 512;
const heapMaxMb = 256;
const inputTimeMaxMs = 10_000;
const reportLinesMax = 40;
const nodeOptions = [
  `--max-old-space-size=${heapMaxMb}`,
  '--disable-warning=ExperimentalWarning',
  `--import=${urlOf('./fuzzer-preload.ts')}`,
];
const findingExitCodes: ReadonlySet<number> = new Set([70, 71, 76, 77]);

export interface FuzzOutcome {
  readonly progress: FuzzerProgress;
  /** Inputs that broke a promise; the fuzzer ends at the first. */
  readonly findings: readonly string[];
  /** The last lines that were no progress: where it failed, the reason. */
  readonly report: readonly string[];
  readonly exitCode: number;
}

/** Runs Jazzer.js on one target until the time is over or something is found. */
export async function fuzzTarget(
  target: FuzzTarget,
  corpusDir: string,
  seconds: number,
  onProgress: (progress: FuzzerProgress) => void,
): Promise<FuzzOutcome> {
  const dirs = [join(corpusDir, target.name), seedsDirOf(target.name)];
  return runFuzzer(
    target,
    corpusDir,
    [...dirs, '--', '-use_value_profile=1', `-max_total_time=${seconds}`],
    onProgress,
  );
}

/** Adds to the seeds the smallest inputs of the corpus that reach code which the seeds do not. */
export async function mergeCorpus(target: FuzzTarget, corpusDir: string): Promise<FuzzOutcome> {
  const seedsDir = seedsDirOf(target.name);
  const dirs = [seedsDir, join(corpusDir, target.name)];
  const outcome = await runFuzzer(target, corpusDir, [...dirs, '--', '-merge=1', '-use_counters=0'], () => {});
  // They come under the hash of their content.
  for (const name of readdirSync(seedsDir).filter((name) => /^[0-9a-f]{40}$/.test(name))) {
    renameSync(join(seedsDir, name), join(seedsDir, `${name.slice(0, 12)}.bin`));
  }
  return outcome;
}

async function runFuzzer(
  target: FuzzTarget,
  corpusDir: string,
  args: readonly string[],
  onProgress: (progress: FuzzerProgress) => void,
): Promise<FuzzOutcome> {
  const [work, found] = [join(corpusDir, target.name), join(corpusDir, 'found', target.name)];
  for (const dir of [work, found]) mkdirSync(dir, { recursive: true });
  const child = spawn(process.execPath, commandLine(target, corpusDir, [...args, `-artifact_prefix=${found}/`]), {
    cwd: rootDir,
    // By the environment, because a merge starts further processes.
    env: { ...process.env, NODE_OPTIONS: nodeOptions.join(' ') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let progress = noProgress;
  const findings: string[] = [];
  const report: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    const next = withLine(progress, line);
    if (next !== progress) onProgress(next);
    else if (report.push(line) > reportLinesMax) report.shift();
    progress = next;
    const artifact = artifactOf(line);
    if (artifact !== undefined) findings.push(artifact);
  }
  const exitCode = await exitCodeOf(child);
  if (findings.length === 0 && findingExitCodes.has(exitCode)) findings.push('an input that was not kept');
  return { progress, findings, report, exitCode };
}

function commandLine(target: FuzzTarget, corpusDir: string, args: readonly string[]): readonly string[] {
  // The command takes JavaScript files only: this one is the door to the target.
  const entry = join(corpusDir, `${target.name}.mjs`);
  writeFileSync(entry, `export { fuzz } from ${JSON.stringify(urlOf(`./targets/${target.name}.ts`))};\n`);
  // Not in its synchronous mode: the event loop would never turn, and Node not free what inputs took.
  return [
    jazzerCommand(),
    entry,
    `--timeout=${inputTimeMaxMs}`,
    `--includes=${join(rootDir, 'libs')}/`,
    '--disableBugDetectors=.*',
    ...args,
    `-max_len=${target.bytesMax}`,
    `-rss_limit_mb=${rssMaxMb}`,
  ];
}

function jazzerCommand(): string {
  return join(createRequire(import.meta.url).resolve('@jazzer.js/core'), '../cli.js');
}

function urlOf(path: string): string {
  return new URL(path, import.meta.url).href;
}

async function exitCodeOf(child: ReturnType<typeof spawn>): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? 1;
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

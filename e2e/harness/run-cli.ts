import { execFile } from 'node:child_process';
import { repositoryRoot } from './suite.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const runMsMax = 110_000;
const outputBytesMax = 64 * 1024 * 1024;

/** Runs `sallyport …` as a process of its own. */
export function runCli(...args: readonly string[]): Promise<CliResult> {
  return runCliWithin(runMsMax, ...args);
}

export function runCliWithin(msMax: number, ...args: readonly string[]): Promise<CliResult> {
  return run(process.execPath, ['apps/cli/src/main.ts', ...args], msMax);
}

export function run(command: string, args: readonly string[], msMax = runMsMax): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(
      command,
      [...args],
      { cwd: repositoryRoot, timeout: msMax, maxBuffer: outputBytesMax },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
      },
    );
  });
}

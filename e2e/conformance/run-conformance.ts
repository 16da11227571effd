import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';

export const revisions = ['2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof revisions)[number];

export interface ConformanceSuite {
  /** The installed package `@modelcontextprotocol/conformance`. */
  readonly directory: string;
  readonly version: string;
}

/** What one scenario found. Remarks (`INFO`) are left out: how many there are depends on how the bytes happen to arrive. */
export interface ScenarioResult {
  readonly passed: number;
  readonly failed: number;
  readonly warned: number;
  readonly skipped: number;
  /** `STATUS id` of every check, sorted: where two runs differ, this says in what. */
  readonly checks: readonly string[];
}

export interface ConformanceRun {
  readonly exitCode: number | null;
  /** By name, sorted. A scenario that broke off before it had results is not among them. */
  readonly scenarios: Readonly<Record<string, ScenarioResult>>;
  /** What the suite said, where it did not end with 0. */
  readonly complaint: string;
}

export type Subject =
  | { readonly side: 'server'; readonly url: string }
  | {
      readonly side: 'client';
      readonly command: string;
      readonly scenario: string;
      readonly env: Readonly<Record<string, string>>;
    };

interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
}

const runMsMax = 300_000;
const outputCharactersMax = 4 * 1024 * 1024;
const resultFolder = /^(?:server-)?(.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/;

/** Reads the version of what is installed, so that a run never compares with another release's counts. */
export function findSuite(directory: string): ConformanceSuite {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { readonly version: string };
  return { directory, version: manifest.version };
}

/** The scenarios that a client is to play at a revision, those that are not scored included. */
export function clientScenarios(suite: ConformanceSuite, revision: Revision): readonly string[] {
  const file = join(suite.directory, 'requirements', `${revision}.yaml`);
  const { client, not_scored: notScored } = parse(readFileSync(file, 'utf8')) as {
    readonly client: readonly string[];
    readonly not_scored: readonly { readonly scenario: string; readonly leg: 'client' | 'server' }[];
  };
  return [...client, ...notScored.filter(({ leg }) => leg === 'client').map(({ scenario }) => scenario)];
}

/** Runs the suite at one revision: at a server every scenario that the revision requires, at a client one scenario. */
export async function runConformance(
  suite: ConformanceSuite,
  revision: Revision,
  subject: Subject,
): Promise<ConformanceRun> {
  const results = mkdtempSync(join(tmpdir(), 'sallyport-conformance-'));
  try {
    const args =
      subject.side === 'server'
        ? ['server', '--url', subject.url, '--requirements', revision]
        : [
            'client',
            '--command',
            subject.command,
            '--scenario',
            subject.scenario,
            '--spec-version',
            revision,
            '--force',
          ];
    const env = subject.side === 'server' ? {} : subject.env;
    const { exitCode, output } = await run([join(suite.directory, 'dist', 'index.js'), ...args, '-o', results], env);
    return { exitCode, complaint: exitCode === 0 ? '' : output, scenarios: readResults(results) };
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

function run(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        if (output.length < outputCharactersMax) output += text;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), runMsMax);
    child.once('error', reject);
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, output });
    });
  });
}

function readResults(directory: string): ConformanceRun['scenarios'] {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('checks.json'),
  );
  const named = files.map((file) => {
    const name = resultFolder.exec(dirname(file))?.[1];
    if (name === undefined) throw new Error(`the suite has written ${file}, which names no scenario`);
    return [name, resultOf(JSON.parse(readFileSync(join(directory, file), 'utf8')) as readonly Check[])] as const;
  });
  return Object.fromEntries(named.sort(([a], [b]) => a.localeCompare(b)));
}

function resultOf(checks: readonly Check[]): ScenarioResult {
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  return {
    passed: count('SUCCESS'),
    failed: count('FAILURE'),
    warned: count('WARNING'),
    skipped: count('SKIPPED'),
    checks: checks
      .filter(({ status }) => status !== 'INFO')
      .map(({ status, id }) => `${status} ${id}`)
      .sort(),
  };
}

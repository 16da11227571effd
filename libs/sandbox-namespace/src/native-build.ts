import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SandboxRefusedError } from '@sallyport/sandbox';

const execFileAsync = promisify(execFile);
const sourceDirectory = fileURLToPath(new URL('../native/', import.meta.url));
const compileMsMax = 60_000;
const flags = ['-std=c11', '-O2', '-Wall', '-Wextra', '-fstack-protector-strong', '-D_FORTIFY_SOURCE=2'];

export interface BuildOptions {
  /** Where binaries are kept, one for each state of the sources and version of the compiler. */
  readonly cacheDir: string;
  readonly ccPath: string;
}

/** The path of the agent's binary, compiled if it is not there yet. Several processes may do this at once: the last rename wins, with the same bytes. */
export async function buildAgent(options: BuildOptions): Promise<string> {
  const sources = readdirSync(sourceDirectory)
    .filter((name) => /\.[ch]$/.test(name))
    .sort();
  const hash = createHash('sha256').update(process.arch);
  for (const name of sources)
    hash
      .update(name)
      .update('\0')
      .update(readFileSync(join(sourceDirectory, name)));
  const sourceKey = hash.digest('hex').slice(0, 24);
  mkdirSync(options.cacheDir, { recursive: true, mode: 0o755 });
  refuseForeign(options.cacheDir);
  const version = await compilerVersion(options.ccPath);
  if (version === undefined) return prebuilt(options, sourceKey);
  const compilerKey = createHash('sha256').update(version).digest('hex').slice(0, 12);
  const binary = join(options.cacheDir, `sallyport-agent-${sourceKey}-${compilerKey}`);
  if (!isExecutable(binary)) await compile(options, binary, sources);
  return binary;
}

/** What is in it is run, by root perhaps: nobody else may put something there. */
function refuseForeign(directory: string): void {
  const { uid, mode } = statSync(directory);
  if ((uid === process.getuid?.() || uid === 0) && (mode & 0o022) === 0) return;
  throw new SandboxRefusedError(
    'capability',
    `the cache directory ${directory} belongs to user ${uid} with mode ${(mode & 0o777).toString(8)}: it must be ours, and writable for nobody else`,
  );
}

async function compilerVersion(ccPath: string): Promise<string | undefined> {
  try {
    return (await execFileAsync(ccPath, ['--version'], { timeout: compileMsMax })).stdout;
  } catch {
    return undefined;
  }
}

/** An image may bring the binary and no compiler. */
function prebuilt(options: BuildOptions, sourceKey: string): string {
  const name = readdirSync(options.cacheDir).find((entry) => entry.startsWith(`sallyport-agent-${sourceKey}-`));
  if (name !== undefined && !name.endsWith('.new')) return join(options.cacheDir, name);
  throw new SandboxRefusedError(
    'capability',
    `no C compiler: ${options.ccPath} does not run, and ${options.cacheDir} holds no agent of these sources. Install gcc or clang with libc headers`,
  );
}

async function compile(options: BuildOptions, binary: string, sources: readonly string[]): Promise<void> {
  const inputs = sources.filter((name) => name.endsWith('.c')).map((name) => join(sourceDirectory, name));
  const unfinished = `${binary}.${randomBytes(6).toString('hex')}.new`;
  try {
    const run = (more: readonly string[]) =>
      execFileAsync(options.ccPath, [...flags, ...more, '-o', unfinished, ...inputs], { timeout: compileMsMax });
    try {
      await run(['-static']);
    } catch {
      await run([]); // hosts without a static libc
    }
    chmodSync(unfinished, 0o555);
    renameSync(unfinished, binary);
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().slice(0, 2_000) : '';
    throw new SandboxRefusedError(
      'capability',
      `the sandbox's agent could not be compiled by ${options.ccPath}: ${said}`,
    );
  } finally {
    rmSync(unfinished, { force: true });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

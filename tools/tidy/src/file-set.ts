import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** One file of the repository; the text is read when first asked for. */
export interface RepoFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly bytes: number;
  text(): string;
}

/** The files rules look at: what git tracks, or a fixture's folder that stands for a repository. */
export interface FileSet {
  readonly files: readonly RepoFile[];
  get(filePath: string): RepoFile | undefined;
  /** Whether a file or a folder of this path is in the set. */
  has(fileOrFolder: string): boolean;
}

/** Fixtures break the rules on purpose. */
export const fixturesFolder = 'tools/tidy/fixtures/';

const listBytesMax = 16 * 1024 * 1024;

export function trackedFiles(root: string): FileSet {
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: listBytesMax });
  const paths = listed.split('\0').filter((name) => name !== '' && !name.startsWith(fixturesFolder));
  return fileSet(paths.flatMap((name) => fileAt(root, name)));
}

/** Every file below the folder but the list of what a rule must say about them. */
export function fixtureFiles(folder: string): FileSet {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  return fileSet(
    paths
      .filter((name) => name !== 'expected.txt')
      .map((name) => name.split(path.sep).join('/'))
      .flatMap((name) => fileAt(folder, name)),
  );
}

export function fileSet(files: readonly RepoFile[]): FileSet {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const byPath = new Map(sorted.map((file) => [file.path, file]));
  const folders = new Set(sorted.flatMap((file) => foldersOf(file.path)));
  return {
    files: sorted,
    get: (filePath) => byPath.get(filePath),
    has: (name) => byPath.has(name) || folders.has(name),
  };
}

/** A tracked file may be gone from the disk while it is being moved; then it is not there. */
function fileAt(root: string, name: string): RepoFile[] {
  const full = path.join(root, name);
  const bytes = statSync(full, { throwIfNoEntry: false })?.size;
  if (bytes === undefined) return [];
  let text: string | undefined;
  return [{ path: name, bytes, text: () => (text ??= readFileSync(full, 'utf8')) }];
}

function foldersOf(filePath: string): string[] {
  const parts = filePath.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

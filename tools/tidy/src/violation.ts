import type { FileSet, RepoFile } from './file-set.ts';

/** One place that breaks a rule, and what to do about it. */
export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** A rule looks at a set of files and at nothing else; its name is its fixture's folder. */
export interface Rule {
  readonly name: string;
  check(files: FileSet): readonly Finding[];
}

export type Finding = Omit<Violation, 'rule'>;

export function violationsOf(rule: Rule, files: FileSet): Violation[] {
  const found = rule.check(files).map((finding) => ({ rule: rule.name, ...finding }));
  return found.toSorted((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
}

export function printed({ rule, path, line, what }: Violation): string {
  return `${rule} ${path}:${line} ${what}`;
}

/** A finding at an offset of the file's text. */
export function at(file: RepoFile, offset: number, what: string): Finding {
  let line = 1;
  const text = file.text();
  for (let index = text.indexOf('\n'); index !== -1 && index < offset; index = text.indexOf('\n', index + 1)) line++;
  return { path: file.path, line, what };
}

import path from 'node:path';

import { type Comment, type EcmaScriptModule, type Node, parseSync, type Program } from 'oxc-parser';

import type { FileSet, RepoFile } from './file-set.ts';

/** An import of any kind: static, type-only, side effect, re-export, dynamic or `import('…')` type. */
export interface Import {
  readonly specifier: string;
  readonly start: number;
  /** Names taken from a static import; absent where all of the module could be meant. */
  readonly names?: readonly string[];
}

export interface Source {
  readonly file: RepoFile;
  readonly program: Program;
  readonly module: EcmaScriptModule;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
}

const parsed = new WeakMap<RepoFile, Source>();

/** Every TypeScript or JavaScript file of the set but the generated ones. */
export function sourcesOf(files: FileSet): readonly Source[] {
  return files.files.filter((file) => isSource(file.path)).map((file) => sourceOf(file));
}

export function isSource(filePath: string): boolean {
  return /\.(?:ts|tsx|mts|mjs|js)$/.test(filePath) && !isGenerated(filePath);
}

export function isGenerated(filePath: string): boolean {
  return filePath.includes('/generated/');
}

/** Tests, suites that tests of several projects run, and what stands in for the world in them. */
export function isTest(filePath: string): boolean {
  return /\.test\.tsx?$|-contract\.ts$|\/testing\/|^e2e\//.test(filePath);
}

function sourceOf(file: RepoFile): Source {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const { program, module, comments } = parseSync(file.path, file.text());
  const source = { file, program, module, comments, imports: importsOf(file, program, module) };
  parsed.set(file, source);
  return source;
}

function importsOf(file: RepoFile, program: Program, module: EcmaScriptModule): Import[] {
  const imports: Import[] = module.staticImports.map(({ moduleRequest, entries }) => {
    const { value: specifier, start } = moduleRequest;
    const names = entries.map(({ importName }) => importName.name);
    return names.length > 0 && names.every((name) => name !== null)
      ? { specifier, start, names }
      : { specifier, start };
  });
  for (const { entries } of module.staticExports) {
    const request = entries[0]?.moduleRequest;
    if (request !== null && request !== undefined) imports.push({ specifier: request.value, start: request.start });
  }
  for (const { moduleRequest } of module.dynamicImports) {
    const written = file.text().slice(moduleRequest.start, moduleRequest.end);
    const literal = /^(['"`])([^'"`$]*)\1$/.exec(written)?.[2];
    if (literal !== undefined) imports.push({ specifier: literal, start: moduleRequest.start });
  }
  if (/\bimport\s*\(/.test(file.text())) {
    walk(program, (node) => {
      if (node.type === 'TSImportType') imports.push({ specifier: node.source.value, start: node.start });
    });
  }
  return imports;
}

/** Calls `visit` for every node below, with its parent and the property it hangs on. */
export function walk(root: Node, visit: (node: Node, parent: Node | undefined, key: string) => void): void {
  const step = (node: Node, parent: Node | undefined, key: string): void => {
    visit(node, parent, key);
    for (const [name, child] of Object.entries(node)) {
      for (const item of Array.isArray(child) ? (child as unknown[]) : [child])
        if (isNode(item)) step(item, node, name);
    }
  };
  step(root, undefined, '');
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** The repository path a relative import names; undefined for packages. */
export function relativeTarget(fromPath: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(fromPath), specifier) : undefined;
}

/** `pg` of `pg/lib/x`, `@grpc/grpc-js` of `@grpc/grpc-js/build/y`; undefined for relative and `node:` imports. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

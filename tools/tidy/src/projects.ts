import type { FileSet, RepoFile } from './file-set.ts';

/** A project is a folder with a `package.json`: `apps/x`, `libs/x`, `tools/x` and `e2e`. */
export interface Project {
  readonly name: string;
  readonly folder: string;
  readonly manifest: RepoFile;
  readonly tags: readonly string[];
  /** Paths others may import, as written in `exports`: `.`, `./testing`. */
  readonly exports: readonly string[];
}

interface Manifest {
  readonly name?: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly nx?: { readonly tags?: readonly string[] };
}

export function projectsOf(files: FileSet): readonly Project[] {
  return files.files
    .filter((file) => /^(?:(?:apps|libs|tools)\/[^/]+|e2e)\/package\.json$/.test(file.path))
    .map((manifest) => {
      const { name = '', exports = {}, nx } = JSON.parse(manifest.text()) as Manifest;
      const folder = manifest.path.slice(0, -'/package.json'.length);
      return { name, folder, manifest, tags: nx?.tags ?? [], exports: Object.keys(exports) };
    });
}

export function projectAt(projects: readonly Project[], filePath: string): Project | undefined {
  return projects.find((project) => filePath.startsWith(`${project.folder}/`));
}

/** The value of the one tag `kind:*`; undefined when there is none or more than one. */
export function tagOf(project: Project, kind: 'layer' | 'scope'): string | undefined {
  const values = project.tags.filter((tag) => tag.startsWith(`${kind}:`)).map((tag) => tag.slice(kind.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

import { type Project, projectAt, projectsOf, tagOf } from '../projects.ts';
import { packageOf, sourcesOf } from '../source.ts';
import { at, type Rule } from '../violation.ts';

/** What each layer may import. No layer may import an app: apps are processes. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  kernel: ['kernel'],
  contract: ['contract', 'kernel'],
  runtime: ['runtime', 'contract', 'kernel'],
  app: ['runtime', 'contract', 'kernel'],
  e2e: ['runtime', 'contract', 'kernel'],
  tool: ['tool', 'contract', 'kernel'],
};

/** Imports between projects follow the layers and scopes of their tags. */
export const layerImports: Rule = {
  name: 'layer-imports',
  check: (files) => {
    const projects = projectsOf(files);
    const byName = new Map(projects.map((project) => [project.name, project]));
    return sourcesOf(files).flatMap(({ file, imports }) => {
      const from = projectAt(projects, file.path);
      return imports.flatMap(({ specifier, start }) => {
        const name = packageOf(specifier);
        const to = name === undefined ? undefined : byName.get(name);
        const problem = from === undefined || to === undefined || from === to ? undefined : problemOf(from, to);
        if (problem !== undefined) return [at(file, start, problem)];
        const isUnknown = name?.startsWith('@sallyport/') === true && to === undefined;
        return isUnknown ? [at(file, start, `there is no project ${name}`)] : [];
      });
    });
  },
};

function problemOf(from: Project, to: Project): string | undefined {
  const [fromLayer = '', toLayer = ''] = [tagOf(from, 'layer'), tagOf(to, 'layer')];
  if (toLayer === 'app') return `do not import the app ${to.name}: start its process, or move what you need to a lib`;
  if (mayImport[fromLayer]?.includes(toLayer) !== true) {
    return `layer:${fromLayer} may not import layer:${toLayer} (${to.name}): move the code down or turn it into a port`;
  }
  const [fromScope, toScope] = [tagOf(from, 'scope'), tagOf(to, 'scope')];
  if (toScope === 'shared' || toScope === fromScope) return undefined;
  return `scope:${fromScope ?? ''} may not import scope:${toScope ?? ''} (${to.name})`;
}

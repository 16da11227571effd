import { projectAt, projectsOf } from '../projects.ts';
import { packageOf, sourcesOf } from '../source.ts';
import { at, type Finding, type Rule } from '../violation.ts';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A project's manifest names exactly the projects that it imports: what is affected by a change, and which cached result is stale, is derived from it. */
export const declaredDependencies: Rule = {
  name: 'declared-dependencies',
  check: (files) => {
    const projects = projectsOf(files);
    const sources = sourcesOf(files);
    return projects.flatMap((project) => {
      const declared = new Set(Object.keys((JSON.parse(project.manifest.text()) as Manifest).dependencies ?? {}));
      const found: Finding[] = [];
      const used = new Set<string>();
      for (const { file, imports } of sources) {
        if (projectAt(projects, file.path) !== project) continue;
        for (const { specifier, start } of imports) {
          const name = packageOf(specifier);
          if (name === undefined || name === project.name || !projects.some((other) => other.name === name)) continue;
          if (!declared.has(name) && !used.has(name))
            found.push(at(file, start, `name ${name} in the dependencies of ${project.manifest.path}`));
          used.add(name);
        }
      }
      const unused = [...declared].filter((name) => projects.some((other) => other.name === name) && !used.has(name));
      return [
        ...found,
        ...unused.map((name) => ({
          path: project.manifest.path,
          line: 1,
          what: `${name} is not imported: take it out of the dependencies`,
        })),
      ];
    });
  },
};

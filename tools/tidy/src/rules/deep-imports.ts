import { projectAt, projectsOf } from '../projects.ts';
import { packageOf, relativeTarget, sourcesOf } from '../source.ts';
import { at, type Rule } from '../violation.ts';

/** A project is entered by the doors its `exports` name, never by a path into it. */
export const deepImports: Rule = {
  name: 'deep-imports',
  check: (files) => {
    const projects = projectsOf(files);
    return sourcesOf(files).flatMap(({ file, imports }) => {
      const from = projectAt(projects, file.path);
      return imports.flatMap(({ specifier, start }) => {
        const target = relativeTarget(file.path, specifier);
        if (target !== undefined) {
          const leaves = from !== undefined && !target.startsWith(`${from.folder}/`);
          return leaves ? [at(file, start, `import ${target} through its project's package name`)] : [];
        }
        const name = packageOf(specifier);
        const to = projects.find((project) => project.name === name);
        if (to === undefined || name === undefined) return [];
        if (to === from) return [at(file, start, 'import your own project by relative path')];
        const door = `.${specifier.slice(name.length)}`;
        return to.exports.includes(door)
          ? []
          : [at(file, start, `${name} has no door ${door}: export it from src/index.ts`)];
      });
    });
  },
};

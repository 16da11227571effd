import { sourcesOf, walk } from '../source.ts';
import { at, type Rule } from '../violation.ts';

const page = 'docs/operations/configuration.md';
const variable = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/;

/** Every variable of a configuration schema is on the operations page. */
export const documentedEnvironment: Rule = {
  name: 'documented-environment',
  check: (files) => {
    const documented = new Set(
      files
        .get(page)
        ?.text()
        .match(/\b[A-Z][A-Z0-9_]+\b/g),
    );
    return sourcesOf(files)
      .filter(({ file }) => /^apps\/[^/]+\/src\/config(?:\/[a-z-]+)?\.ts$/.test(file.path))
      .flatMap(({ file, program }) => {
        const found: ReturnType<typeof at>[] = [];
        walk(program, (node) => {
          if (node.type !== 'Property' || node.computed) return;
          const { key } = node;
          const name = key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : '';
          if (variable.test(name) && !documented.has(name))
            found.push(at(file, node.start, `describe ${name} in ${page}`));
        });
        return found;
      });
  },
};

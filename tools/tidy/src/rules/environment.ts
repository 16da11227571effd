import { isTest, sourcesOf, walk } from '../source.ts';
import { at, type Rule } from '../violation.ts';

/** Only `main.ts` reads the environment; everything else is given its configuration. */
export const environment: Rule = {
  name: 'environment',
  check: (files) =>
    sourcesOf(files)
      .filter(({ file }) => !isTest(file.path) && !/^tools\/|(?:^|\/)main\.ts$/.test(file.path))
      .flatMap(({ file, program }) => {
        const found: ReturnType<typeof at>[] = [];
        if (!/\benv\b/.test(file.text())) return found;
        walk(program, (node) => {
          const isEnv =
            node.type === 'MemberExpression' &&
            node.object.type === 'Identifier' &&
            node.object.name === 'process' &&
            ((node.property.type === 'Identifier' && node.property.name === 'env') ||
              (node.property.type === 'Literal' && node.property.value === 'env'));
          const isImported =
            node.type === 'ImportSpecifier' && node.imported.type === 'Identifier' && node.imported.name === 'env';
          if (isEnv || isImported)
            found.push(at(file, node.start, 'read the environment in main.ts and pass the value'));
        });
        return found;
      }),
};

import { isGenerated } from '../source.ts';
import type { Rule } from '../violation.ts';

const placed = /^(?:apps|libs|e2e|tools|proto)\//;
const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*$/;
const exceptions = /^(?:[A-Z]+\.md|Dockerfile|\.[a-z.]+|\d{4}_[a-z0-9_-]+\.sql)$/;
const banned: ReadonlySet<string> = new Set(
  'utils util helpers helper common shared misc base manager impl types interfaces constants dto'.split(' '),
);

/** kebab-case, and no word that says nothing about what is inside. */
export const fileNames: Rule = {
  name: 'file-names',
  check: (files) =>
    files.files
      .filter(({ path }) => placed.test(path) && !isGenerated(path))
      .flatMap(({ path }) =>
        path.split('/').flatMap((name) => {
          const word = name.split(/[-._]/).find((part) => banned.has(part.toLowerCase()));
          if (word !== undefined) return [{ path, line: 1, what: `name it after what it holds, without "${word}"` }];
          return kebab.test(name) || exceptions.test(name)
            ? []
            : [{ path, line: 1, what: `write ${name} in kebab-case` }];
        }),
      ),
};

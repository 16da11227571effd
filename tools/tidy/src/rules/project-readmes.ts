import { projectsOf } from '../projects.ts';
import type { Rule } from '../violation.ts';

const linesMax = 80;

/** Each project says in one page what it owns. */
export const projectReadmes: Rule = {
  name: 'project-readmes',
  check: (files) =>
    projectsOf(files).flatMap(({ folder }) => {
      const path = `${folder}/README.md`;
      const readme = files.get(path);
      if (readme === undefined) return [{ path, line: 1, what: 'write what the project owns and its invariants' }];
      const lines = readme.text().trimEnd().split('\n').length;
      return lines <= linesMax
        ? []
        : [{ path, line: linesMax + 1, what: `cut ${lines} lines to ${linesMax} or fewer` }];
    }),
};

import { sourcesOf, walk } from '../source.ts';
import type { Rule } from '../violation.ts';

/** A domain file with logic has its test beside it. */
export const domainTests: Rule = {
  name: 'domain-tests',
  check: (files) =>
    sourcesOf(files)
      .filter(({ file }) => /^apps\/[^/]+\/src\/domain\//.test(file.path) && !file.path.endsWith('.test.ts'))
      .flatMap(({ file, program }) => {
        const stem = file.path.slice(0, -'.ts'.length);
        if (files.has(`${stem}.test.ts`) || files.has(`${stem}.prop.test.ts`)) return [];
        let hasLogic = false;
        walk(program, (node) => {
          hasLogic ||=
            ('body' in node && /Function/.test(node.type) && node.body !== null) || node.type === 'ClassBody';
        });
        return hasLogic ? [{ path: file.path, line: 1, what: `write ${stem.split('/').at(-1) ?? ''}.test.ts` }] : [];
      }),
};

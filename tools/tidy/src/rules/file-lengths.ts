import { isGenerated } from '../source.ts';
import type { Rule } from '../violation.ts';

const code = /\.(?:ts|tsx|mts|mjs|js|sql|proto|css)$/;
const mainLinesMax = 30;
const linesMax = 400;

/** A file fits in the head of its reader; `main.ts` only boots. */
export const fileLengths: Rule = {
  name: 'file-lengths',
  check: (files) =>
    files.files
      .filter(({ path }) => code.test(path) && !isGenerated(path))
      .flatMap((file) => {
        const lines = file.text().trimEnd().split('\n').length;
        const max = /(?:^|\/)main\.ts$/.test(file.path) ? mainLinesMax : linesMax;
        return lines <= max ? [] : [{ path: file.path, line: max + 1, what: `cut ${lines} lines to ${max} or fewer` }];
      }),
};

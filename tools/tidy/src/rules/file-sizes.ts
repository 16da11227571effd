import type { Rule } from '../violation.ts';

const bytesMax = 1_000_000;

/** The repository holds sources, not artefacts. */
export const fileSizes: Rule = {
  name: 'file-sizes',
  check: (files) =>
    files.files
      .filter(({ bytes }) => bytes > bytesMax)
      .map(({ path, bytes }) => ({ path, line: 1, what: `do not track ${bytes} bytes: make it when it is needed` })),
};

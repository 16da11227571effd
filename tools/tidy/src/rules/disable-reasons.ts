import { sourcesOf } from '../source.ts';
import { at, type Rule } from '../violation.ts';

const lint = /^\s*(?:oxlint|eslint)-disable(?:-next-line|-line)?\b/;
const lintReason = /\s--\s+\S.{7,}/;
const checker = /^\s*@ts-(expect-error|ignore|nocheck)\b(.*)/;
const other = /^\s*(?:v8|c8|istanbul) ignore\b|^\s*(?:prettier|oxfmt)-ignore\b/;

/** A rule that is switched off says why, where it is switched off. */
export const disableReasons: Rule = {
  name: 'disable-reasons',
  check: (files) =>
    sourcesOf(files).flatMap(({ file, comments }) =>
      comments.flatMap(({ value, start }) => {
        if ((lint.test(value) || other.test(value)) && !lintReason.test(value)) {
          return [at(file, start, 'say why after " -- "')];
        }
        const [, kind, rest = ''] = checker.exec(value) ?? [];
        if (kind === undefined) return [];
        if (kind !== 'expect-error')
          return [at(file, start, `replace @ts-${kind} by a type or by @ts-expect-error with a reason`)];
        return rest.trim().length >= 8 ? [] : [at(file, start, 'say why after @ts-expect-error')];
      }),
    ),
};

import fc from 'fast-check';
import { expect, it } from 'vitest';

import { foreignMembers, objectText } from './arbitrary-json.ts';
import { filterToolList } from './filter-list.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'é"\\');
const gap = fc.constantFrom('', ' ', '\n\t');

const tool = fc
  .tuple(name, foreignMembers)
  .chain(([text, members]) =>
    objectText([['name', JSON.stringify(text)], ...members.map(([key, value]) => [key, value.text] as const)]),
  );

const listText = fc
  .tuple(
    fc.array(tool, { maxLength: 6 }),
    gap,
    gap,
    fc.constantFrom('"public"', '"private"', undefined),
    fc.boolean(),
    foreignMembers,
  )
  .chain(([tools, before, after, cacheScope, isModern, members]) =>
    objectText([
      ['tools', `[${before}${tools.join(`${before},${after}`)}${after}]`],
      ...(cacheScope === undefined ? [] : [['cacheScope', cacheScope] as const]),
      ...(isModern ? [['resultType', '"complete"'] as const] : []),
      ...members.map(([key, value]) => [key, value.text] as const),
    ]),
  )
  .map((result) => `{"jsonrpc":"2.0","id":1,"result":${result}}`);

interface List {
  result: { tools: { name: string }[]; cacheScope?: string; resultType?: string };
}

it('gives what filtering the parsed list would give, and otherwise the same bytes', () => {
  fc.assert(
    fc.property(listText, fc.subarray(['a', 'b', 'c', 'd', 'é"\\']), (text, names) => {
      const filtered = filterToolList(Buffer.from(text), (tool) => names.includes(tool));
      if (!filtered.ok) throw new Error(filtered.reason.code);
      const out = Buffer.concat(filtered.value.pieces);
      expect(out.length).toBe(filtered.value.byteLength);
      const model = JSON.parse(text) as List;
      const kept = model.result.tools.filter((entry) => names.includes(entry.name));
      const isFiltered = kept.length < model.result.tools.length;
      const isModern = model.result.cacheScope !== undefined || model.result.resultType !== undefined;
      model.result.tools = kept;
      if (isFiltered && isModern) model.result.cacheScope = 'private';
      expect(JSON.parse(out.toString())).toEqual(model);
      expect(isFiltered || out.toString() === text).toBe(true);
      // But for the scope, splicing only takes bytes away: the rest stands in order in the original.
      const scopeUndone = out
        .toString()
        .replace(/"cacheScope":"private",|(?<=:\s*)"private"/, (found) =>
          text.includes('"public"') ? '"public"' : text.includes('"private"') ? found : '',
        );
      expect(isSubsequence(scopeUndone, text)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

it('never throws on random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      filterToolList(bytes, () => true);
    }),
  );
});

function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (const character of whole) if (character === part[at]) at++;
  return at === part.length;
}

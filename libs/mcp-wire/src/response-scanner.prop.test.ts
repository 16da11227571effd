import fc from 'fast-check';
import { expect, it } from 'vitest';

import { chunked, foreignMembers, jsonText, objectText, stringText } from './arbitrary-json.ts';
import { ResponseScanner } from './response-scanner.ts';

const cuts = fc.array(fc.nat(), { maxLength: 8 });

const resultText = fc
  .tuple(foreignMembers, foreignMembers, stringText, stringText, fc.constantFrom('true', 'false', '"no"'))
  .chain(([outer, inner, id, resultType, isError]) =>
    objectText([
      ...inner.map(([key, value]) => [key, value.text] as const),
      ['isError', isError],
      ['resultType', resultType],
    ]).chain((result) =>
      objectText([
        ...outer.map(([key, value]) => [key, value.text] as const),
        ['jsonrpc', '"2.0"'],
        ['id', id],
        ['result', result],
      ]),
    ),
  );

function pushAll(scanner: ResponseScanner, chunks: readonly Uint8Array[]): number {
  let before = 0;
  let completedAt = -1;
  for (const chunk of chunks) {
    const at = scanner.push(chunk);
    if (at < chunk.length && completedAt < 0) completedAt = before + at;
    before += chunk.length;
  }
  return completedAt;
}

it('reads the same at any split as JSON.parse does at once', () => {
  fc.assert(
    fc.property(resultText, cuts, (text, at) => {
      const bytes = Buffer.from(text);
      const scanner = new ResponseScanner();
      const completedAt = pushAll(scanner, chunked(bytes, at));
      const model = JSON.parse(text) as { id: string; result: { isError: unknown; resultType: string } };
      expect(scanner.fault).toBeUndefined();
      expect(scanner.message?.id?.key).toBe(model.id.isWellFormed() ? `s:${model.id}` : undefined);
      expect(scanner.message?.isError ?? false).toBe(model.result.isError === true);
      expect(scanner.message?.resultType).toBe(model.result.resultType);
      expect(completedAt).toBe(bytes.length - 1);
    }),
    { numRuns: 1000 },
  );
});

it('accepts every JSON object as a text, and completes at its last byte', () => {
  fc.assert(
    fc.property(jsonText, cuts, ({ text }, at) => {
      const wrapped = Buffer.from(`{"x-value":${text}}`);
      const scanner = new ResponseScanner();
      expect(pushAll(scanner, chunked(wrapped, at))).toBe(wrapped.length - 1);
      expect(scanner.message).toEqual({ kind: 'other' });
    }),
    { numRuns: 500 },
  );
});

it('completes no text that JSON.parse refuses, and never throws', () => {
  const damaged = fc.tuple(
    resultText,
    fc.nat(),
    fc.constantFrom('', '"', '\\', ',', ':', '{', '}', ']', '0', '-', 'e', '\n'),
  );
  fc.assert(
    fc.property(damaged, cuts, ([text, position, piece], at) => {
      const cut = position % text.length;
      const broken = text.slice(0, cut) + piece + text.slice(cut + 1);
      const scanner = new ResponseScanner();
      for (const chunk of chunked(Buffer.from(broken), at)) {
        const stopped = scanner.push(chunk);
        if (stopped < chunk.length) scanner.push(chunk, stopped + 1);
      }
      if (scanner.complete) JSON.parse(broken);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 4 }), (chunks) => {
      const scanner = new ResponseScanner();
      for (const chunk of chunks) scanner.push(chunk);
    }),
  );
});

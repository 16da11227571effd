import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chunked } from './arbitrary-json.ts';
import { parseJsonRpcId } from './json-rpc-id.ts';
import { type SseEvent, SseEventReader } from './sse-event-reader.ts';
import { reframeSseEvent } from './sse-framing.ts';
import { SseRelayScanner } from './sse-relay-scanner.ts';

const cuts = fc.array(fc.nat(), { maxLength: 10 });
const ending = fc.constantFrom('\n', '\r\n', '\r');
const messages = [
  '{"id":7,"result":{"content":[]}}',
  '{"id":8,"result":{}}',
  '{"method":"notifications/progress","params":{}}',
  '{"id":1,"method":"ping"}',
  '{"id":7,"id":7,"result":{}}',
  'hello',
  '',
];
const line = fc.oneof(
  fc.constantFrom(...messages).map((message) => `data: ${message}`),
  fc.constantFrom('event: message', 'id: e', 'retry: 10', ': ping', 'data', 'unknown: x', ''),
);
const stream = fc
  .tuple(fc.array(fc.tuple(line, ending), { maxLength: 14 }), fc.boolean())
  .map(([lines, marked]) => (marked ? '\ufeff' : '') + lines.map(([text, end]) => text + end).join(''));

function readAll(chunks: readonly Uint8Array[], eventBytesMax: number) {
  const reader = new SseEventReader(eventBytesMax);
  const items = chunks.flatMap((chunk) => [...reader.push(chunk)]);
  return { items, rest: reader.rest() };
}

function meaning({ data, event, id, retryMs }: SseEvent): object {
  return { data: data?.toString(), event, id, retryMs };
}

describe('an event stream split anywhere', () => {
  it('gives back every byte, whatever the limit', () => {
    fc.assert(
      fc.property(stream, cuts, fc.integer({ min: 0, max: 80 }), (text, at, limit) => {
        const bytes = Buffer.from(text);
        const { items, rest } = readAll(chunked(bytes, at), limit);
        expect(Buffer.concat([...items.map((item) => item.raw), rest]).equals(bytes)).toBe(true);
      }),
    );
  });

  it('means the same as in one piece', () => {
    fc.assert(
      fc.property(stream, cuts, (text, at) => {
        const bytes = Buffer.from(text);
        const whole = readAll([bytes], 10_000).items as SseEvent[];
        const split = readAll(chunked(bytes, at), 10_000).items as SseEvent[];
        expect(split.map(meaning)).toEqual(whole.map(meaning));
      }),
      { numRuns: 500 },
    );
  });

  it('has its marks at the same bytes', () => {
    fc.assert(
      fc.property(stream, cuts, (text, at) => {
        const bytes = Buffer.from(text);
        const awaited = parseJsonRpcId('7');
        const marks = (chunks: readonly Uint8Array[]) => {
          const scanner = new SseRelayScanner(awaited);
          let before = 0;
          return chunks.flatMap((chunk) => {
            const found = scanner.push(chunk).map(({ offset, verdict }) => ({ at: before + offset, verdict }));
            before += chunk.length;
            return found;
          });
        };
        const split = marks(chunked(bytes, at));
        expect(split).toEqual(marks([bytes]));
        // An answer's mark is its closing brace, so without that byte there is no answer in what was forwarded.
        const answers = split.filter((mark) => mark.verdict === 'answer');
        expect(answers.every((mark) => bytes[mark.at] === 0x7d)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws on random bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 5 }), (chunks) => {
        readAll(chunks, 20);
        const scanner = new SseRelayScanner(undefined);
        for (const chunk of chunks) scanner.push(chunk);
      }),
    );
  });
});

describe('replacing the data of an event', () => {
  it('changes the data and nothing else that a client sees', () => {
    fc.assert(
      fc.property(stream, fc.constantFrom('{"a":1}', '{\n"a":\r\n1}'), (text, data) => {
        for (const item of readAll([Buffer.from(text)], 10_000).items as SseEvent[]) {
          const framed = reframeSseEvent(item.raw, Buffer.from(data));
          const again = readAll([framed], 10_000).items as SseEvent[];
          const expected = item.data === undefined ? undefined : data.replaceAll('\r\n', '\n');
          expect(again.map(meaning)).toEqual([{ ...meaning(item), data: expected }]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

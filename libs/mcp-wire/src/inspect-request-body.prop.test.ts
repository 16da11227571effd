import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { foreignMembers, jsonText, objectText, stringText } from './arbitrary-json.ts';
import { inspectRequestBody, type SplicePlaces } from './inspect-request-body.ts';
import { JsonReader } from './json-reader.ts';
import { spliceTraceContext } from './splice-trace-context.ts';

const limits = { depthMax: 64, membersMax: 10_000 };

function faultOf(text: string): string | undefined {
  const reader = new JsonReader(Buffer.from(text), limits);
  return reader.begin() && reader.skip() && reader.end() ? undefined : reader.fault?.code;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('strict reading, with JSON.parse as the model', () => {
  it('accepts every JSON text whose objects have distinct, well-formed keys', () => {
    fc.assert(
      fc.property(jsonText, ({ text }) => {
        expect(faultOf(text)).toBeUndefined();
      }),
    );
  });

  it('agrees with JSON.parse on damaged texts, except where it is stricter on purpose', () => {
    const damaged = fc.tuple(
      jsonText,
      fc.nat(),
      fc.constantFrom('', '"', '\\', ',', ':', '{', ']', '0', '-', 'e', '\n'),
    );
    fc.assert(
      fc.property(damaged, ({ 0: { text }, 1: at, 2: piece }) => {
        const cut = text.length === 0 ? 0 : at % text.length;
        const broken = text.slice(0, cut) + piece + text.slice(cut + 1);
        // A damaged text may get duplicate keys or half a surrogate pair in a key; then we alone refuse.
        const allowed = parses(broken)
          ? [undefined, 'duplicate_key', 'lone_surrogate']
          : ['malformed_json', 'empty_body'];
        expect([...allowed, ...(parses(broken) ? [] : ['duplicate_key', 'lone_surrogate'])]).toContain(faultOf(broken));
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        inspectRequestBody(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

interface Context {
  readonly traceparent: string;
  readonly tracestate?: string;
}

const trace: fc.Arbitrary<Context> = fc.oneof(
  fc.record({ traceparent: fc.string({ maxLength: 20 }), tracestate: fc.string({ maxLength: 20 }) }),
  fc.record({ traceparent: fc.string({ maxLength: 20 }) }),
);

/** A request with or without params, `_meta` and trace keys of any type. */
const requestText = fc
  .tuple(
    fc.constantFrom('bare', 'params', 'meta', 'traced'),
    foreignMembers,
    foreignMembers,
    jsonText,
    jsonText,
    stringText,
  )
  .chain(([shape, outer, inner, first, second, id]) => {
    const traced = [['traceparent', first.text] as const, ['tracestate', second.text] as const];
    const foreign = (members: typeof outer) => members.map(([key, value]) => [key, value.text] as const);
    const meta = objectText([...foreign(inner), ...(shape === 'traced' ? traced : [])]);
    const params = meta.chain((text) =>
      objectText([...foreign(inner), ...(shape === 'params' ? [] : [['_meta', text] as const])]),
    );
    return params.chain((text) =>
      objectText([
        ['jsonrpc', '"2.0"'],
        ['id', id],
        ['method', '"x/y"'],
        ...foreign(outer),
        ...(shape === 'bare' ? [] : [['params', text] as const]),
      ]),
    );
  });

interface Message {
  params?: { _meta?: Record<string, unknown> };
}

describe('splicing trace context', () => {
  it('changes the trace keys and nothing else', () => {
    fc.assert(
      fc.property(requestText, trace, (text, context) => {
        const body = Buffer.from(text);
        const inspected = inspectRequestBody(body);
        if (!inspected.ok) throw new Error(inspected.reason.code);
        const spliced = spliceTraceContext(body, inspected.value, context);
        const out = Buffer.concat(spliced.pieces);
        expect(out.length).toBe(spliced.byteLength);
        const expected = JSON.parse(text) as Message;
        expected.params ??= {};
        expected.params._meta = { ...expected.params._meta, ...context };
        expect(JSON.parse(out.toString())).toEqual(expected);
        expect(onlyTraceChanged(out, body, inspected.value.places, context)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

/** The original with the trace values replaced in place, or with one run of bytes inserted and nothing else. */
function onlyTraceChanged(out: Buffer, body: Buffer, places: SplicePlaces, context: Context): boolean {
  const replaced = (['traceparent', 'tracestate'] as const)
    .flatMap((name) => {
      const [span, value] = [places[name], context[name]];
      return span === undefined || value === undefined ? [] : [{ span, text: JSON.stringify(value) }];
    })
    .toSorted((a, b) => a.span.start - b.span.start);
  if (replaced.length > 0) {
    const pieces: Buffer[] = [];
    let from = 0;
    for (const { span, text } of replaced) {
      pieces.push(body.subarray(from, span.start), Buffer.from(text));
      from = span.end;
    }
    return Buffer.concat([...pieces, body.subarray(from)]).equals(out);
  }
  let head = 0;
  while (head < body.length && body[head] === out[head]) head++;
  return out.subarray(out.length - (body.length - head)).equals(body.subarray(head));
}

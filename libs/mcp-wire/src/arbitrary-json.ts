import fc from 'fast-check';

/** Generators for property tests: JSON texts as wild as RFC 8259 allows, not just what `JSON.stringify` writes. */
export interface JsonText {
  readonly text: string;
  readonly depth: number;
}

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

const numberText = fc.stringMatching(/^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?$/);

/** A string in JSON with each character written plainly or escaped, as the flags say. */
export function writeString(value: string, escapes: readonly boolean[]): string {
  let text = '';
  for (let index = 0; index < value.length; index++) {
    const unit = value.charAt(index);
    const code = value.charCodeAt(index);
    const mustEscape = code < 0x20 || unit === '"' || unit === '\\' || (code >= 0xd800 && code <= 0xdfff);
    text += mustEscape || escapes[index] === true ? `\\u${code.toString(16).padStart(4, '0')}` : unit;
  }
  return `"${text}"`;
}

const plainText = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 8 }));

export const stringText = fc
  .tuple(plainText, fc.array(fc.boolean(), { maxLength: 12 }))
  .map(([value, escapes]) => writeString(value, escapes));

/**
 * Names of members, without a backslash in them: where V8 13.6 has read an object whose only key ends in one, its JSON.parse reads the key `x-\u0036` of
 * the next as `x-\`, and JSON.parse is the model here.
 */
const keyText = fc
  .tuple(
    plainText.map((text) => text.replaceAll('\\', '/')),
    fc.array(fc.boolean(), { maxLength: 12 }),
  )
  .map(([value, escapes]) => writeString(value, escapes));

const scalar = fc.oneof(fc.constantFrom('true', 'false', 'null'), numberText, stringText);

function leaf(text: string): JsonText {
  return { text, depth: 0 };
}

function depthOver(items: readonly JsonText[]): number {
  return 1 + Math.max(0, ...items.map((item) => item.depth));
}

/** Any JSON value; objects have distinct keys. */
export const jsonText: fc.Arbitrary<JsonText> = fc.letrec<{ value: JsonText; array: JsonText; object: JsonText }>(
  (tie) => ({
    value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar.map(leaf), tie('array'), tie('object')),
    array: fc.tuple(fc.array(tie('value'), { maxLength: 4 }), space, space).map(([items, before, after]) => ({
      text: `[${items.map((item) => before + item.text + after).join(',')}${items.length === 0 ? before : ''}]`,
      depth: depthOver(items),
    })),
    object: fc
      .tuple(
        fc.uniqueArray(fc.tuple(keyText, tie('value')), {
          maxLength: 4,
          selector: ([key]) => String(JSON.parse(key)),
        }),
        space,
        space,
      )
      .map(([members, before, after]) => ({
        text: `{${members.map(([key, item]) => `${before}${key}${after}:${before}${item.text}${after}`).join(',')}}`,
        depth: depthOver(members.map(([, item]) => item)),
      })),
  }),
).value;

/** Members of an object under names that no protocol uses, so that they can join any message. */
export const foreignMembers = fc.uniqueArray(
  fc.tuple(
    fc.string({ maxLength: 6 }).map((tail) => `x-${tail.replaceAll('\\', '/')}`),
    jsonText,
  ),
  { maxLength: 3, selector: ([key]) => key },
);

/** An object with these members in any order, any white space, and keys escaped at random. */
export function objectText(members: readonly (readonly [key: string, text: string])[]): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.shuffledSubarray([...members], { minLength: members.length, maxLength: members.length }),
      fc.array(fc.boolean(), { maxLength: 20 }),
      space,
      space,
    )
    .map(([order, escapes, before, after]) => {
      const written = order.map(
        ([key, text]) => `${before}${writeString(key, escapes)}${after}:${before}${text}${after}`,
      );
      return `{${written.length === 0 ? before : ''}${written.join(',')}}`;
    });
}

/** The bytes cut at random places, empty chunks included. */
export function chunked(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

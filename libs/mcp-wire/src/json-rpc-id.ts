/**
 * A JSON-RPC id as it was written and as it is compared. `raw` is the JSON text, byte for byte: it is what an answer
 * made by us must carry. `key` is equal for two ids exactly when they are the same JSON value: `1`, `1.0` and `1e0` are,
 * `1` and `"1"` are not, and integers beyond 2^53 are compared exactly.
 */
export interface JsonRpcId {
  readonly raw: string;
  readonly key: string;
}

const numberParts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Exponents beyond this are not identifiers; also keeps the arithmetic exact. */
const exponentDigitsMax = 6;

/** `text` is a JSON string or number that a strict reader has accepted; anything else is not an id (MCP forbids null). */
export function parseJsonRpcId(text: string): JsonRpcId | undefined {
  if (text.startsWith('"')) {
    const value = String(JSON.parse(text));
    return value.isWellFormed() ? { raw: text, key: `s:${value}` } : undefined;
  }
  const key = integerKey(text);
  return key === undefined ? undefined : { raw: text, key };
}

const zero = 0x30;

/** Canonical digits and exponent of an integer in any JSON notation; undefined for fractions and non-numbers. */
function integerKey(text: string): string | undefined {
  const parts = numberParts.exec(text);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = parts;
  if (exponentText.length > exponentDigitsMax) return undefined;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return 'n:0';
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === zero) end -= 1; // a pattern would look at each run of zeros again and again
  const significant = digits.slice(0, end);
  const exponent = Number(exponentText) - fraction.length + (digits.length - significant.length);
  return exponent < 0 ? undefined : `n:${sign}${significant}e${exponent}`;
}

import { type Result, fail, ok } from '@sallyport/result';

/** Why a value has no canonical form in our profile of RFC 8785. */
export type CanonicalRefusal =
  | 'bad-key'
  | 'ill-formed-text'
  | 'not-a-safe-integer'
  | 'not-a-json-value'
  | 'nested-too-deep';

/** Objects and arrays inside each other; also what ends a circular value. */
export const canonicalDepthMax = 64;

const keyShape = /^[A-Za-z0-9_]+$/;
/** Any character but those that stand for themselves in a JSON string: controls, quote, backslash, and surrogates, which may be lone. */
const needsCare = /[^\u0020\u0021\u0023-\u005b\u005d-\ud7ff\ue000-\uffff]/;
const insertionSortMax = 32;
const knownKeysMax = 4096;

/** `"key":` by key, for keys that were checked before. Bounded, so that hostile keys cannot fill it without end. */
const knownKeys = new Map<string, string>();

class Refused extends Error {
  readonly reason: CanonicalRefusal;
  constructor(reason: CanonicalRefusal) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * The canonical JSON text of a value: RFC 8785 in the ledger's profile. Keys are `[A-Za-z0-9_]+`, numbers are integers up to 2^53-1 either
 * way, text is well-formed Unicode, objects are plain, `undefined` and `toJSON` are refused. Under this profile UTF-16 order equals byte order.
 */
export function canonicalize(value: unknown): Result<string, CanonicalRefusal> {
  try {
    return ok(write(value, canonicalDepthMax));
  } catch (error) {
    if (error instanceof Refused) return fail(error.reason);
    throw error;
  }
}

/** Whether a text is exactly the canonical form of the value that it spells: no spaces, no duplicate or unsorted keys, no other escapes. */
export function isCanonical(text: string, parsed: unknown): boolean {
  const again = canonicalize(parsed);
  return again.ok && again.value === text;
}

function write(value: unknown, depthLeft: number): string {
  switch (typeof value) {
    case 'string':
      return writeText(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new Refused('not-a-safe-integer');
      return `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depthLeft === 0) throw new Refused('nested-too-deep');
      return Array.isArray(value) ? writeArray(value, depthLeft) : writeObject(value, depthLeft);
    default:
      throw new Refused('not-a-json-value');
  }
}

function writeText(text: string): string {
  if (!needsCare.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw new Refused('ill-formed-text');
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], depthLeft: number): string {
  let text = '[';
  for (let index = 0; index < items.length; index += 1) {
    if (index > 0) text += ',';
    text += write(items[index], depthLeft - 1);
  }
  return `${text}]`;
}

function writeObject(object: object, depthLeft: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) throw new Refused('not-a-json-value');
  const fields = object as Record<string, unknown>;
  let text = '{';
  let first = true;
  for (const key of sorted(Object.keys(fields))) {
    if (!first) text += ',';
    first = false;
    text += writeKey(key);
    text += write(fields[key], depthLeft - 1);
  }
  return `${text}}`;
}

function writeKey(key: string): string {
  const known = knownKeys.get(key);
  if (known !== undefined) return known;
  if (!keyShape.test(key)) throw new Refused('bad-key');
  const written = `"${key}":`;
  if (knownKeys.size < knownKeysMax && key.length <= 64) knownKeys.set(key, written);
  return written;
}

/** Envelopes have few keys each: insertion sort takes half the time of Array.sort there. */
function sorted(keys: string[]): string[] {
  if (keys.length > insertionSortMax) return keys.sort();
  for (let index = 1; index < keys.length; index += 1) {
    const key = keys[index] as string;
    let place = index - 1;
    while (place >= 0 && (keys[place] as string) > key) {
      keys[place + 1] = keys[place] as string;
      place -= 1;
    }
    keys[place + 1] = key;
  }
  return keys;
}

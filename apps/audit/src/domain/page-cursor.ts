import { type Result, fail, ok } from '@sallyport/result';

/** Per topic, the leaf index to go on from: included when it goes up, excluded when it goes down. */
export type PageCursor = ReadonlyMap<string, number>;

const charactersMax = 1024;

/** An opaque page token. */
export function encodeCursor(cursor: PageCursor): string {
  return Buffer.from(JSON.stringify([...cursor])).toString('base64url');
}

/** Reads a token of ours; the topics must be those that were listed. */
export function decodeCursor(token: string, topics: readonly string[]): Result<PageCursor, 'page'> {
  if (token.length > charactersMax) return fail('page');
  const entries = parse(Buffer.from(token, 'base64url').toString());
  if (!Array.isArray(entries) || entries.length !== topics.length) return fail('page');
  const cursor = new Map<string, number>();
  for (const entry of entries) {
    const [topic, index] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof topic !== 'string' || !topics.includes(topic) || !Number.isSafeInteger(index)) return fail('page');
    cursor.set(topic, Number(index));
  }
  return cursor.size === topics.length ? ok(cursor) : fail('page');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

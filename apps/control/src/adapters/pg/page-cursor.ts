/** Where a page ends: rows are ordered by time and id, newest first. Opaque to clients. */
export interface PageCursor {
  readonly createdAt: string;
  readonly id: string;
}

const timeShape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const idShape = /^[a-z0-9_-]{1,64}$/i;

export function encodeCursor(cursor: PageCursor): string {
  return Buffer.from(JSON.stringify([cursor.createdAt, cursor.id])).toString('base64url');
}

/** Undefined where the text is not one of our cursors. */
export function decodeCursor(text: string): PageCursor | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (!Array.isArray(value) || value.length !== 2) return undefined;
    const [createdAt, id] = value as readonly unknown[];
    if (typeof createdAt !== 'string' || typeof id !== 'string') return undefined;
    if (!timeShape.test(createdAt) || Number.isNaN(Date.parse(createdAt)) || !idShape.test(id)) return undefined;
    return { createdAt, id };
  } catch {
    return undefined;
  }
}

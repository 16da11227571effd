import { isUtf8 } from 'node:buffer';

/** One JSON text as `JSON.parse` reads it, and what it loses: members that a later one of the same name replaced. */
export interface JsonModel {
  readonly value: unknown;
  /** Members as written, at any depth. */
  readonly membersWritten: number;
  /** Members that the value has. Fewer than were written: a name came twice in one object. */
  readonly membersKept: number;
  readonly depth: number;
}

/** Undefined where the bytes are no UTF-8 or no JSON. A byte order mark is neither. */
export function jsonModel(bytes: Uint8Array): JsonModel | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const membersWritten = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
  const { members: membersKept, depth } = measure(value);
  return { value, membersWritten, membersKept, depth };
}

/** A member of a value that may be anything; undefined where it has none of its own. */
export function memberOf(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function measure(value: unknown): { readonly members: number; readonly depth: number } {
  if (typeof value !== 'object' || value === null) return { members: 0, depth: 0 };
  const children: readonly unknown[] = Object.values(value);
  let members = Array.isArray(value) ? 0 : children.length;
  let depth = 0;
  for (const child of children) {
    const inner = measure(child);
    members += inner.members;
    depth = Math.max(depth, inner.depth);
  }
  return { members, depth: depth + 1 };
}

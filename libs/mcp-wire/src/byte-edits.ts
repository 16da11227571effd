import type { JsonSpan } from './json-reader.ts';

/** Replaces the bytes of `span`; an empty span inserts. */
export interface ByteEdit extends JsonSpan {
  readonly text: string;
}

/** A message as the pieces to write one after the other; untouched stretches share the memory of the original. */
export interface SplicedBytes {
  readonly pieces: readonly Buffer[];
  readonly byteLength: number;
}

/** Applies edits that do not overlap; every byte outside them is kept. */
export function applyEdits(bytes: Buffer, edits: readonly ByteEdit[]): SplicedBytes {
  const pieces: Buffer[] = [];
  let byteLength = 0;
  const push = (piece: Buffer): void => {
    if (piece.length === 0) return;
    pieces.push(piece);
    byteLength += piece.length;
  };
  let from = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    push(bytes.subarray(from, edit.start));
    push(Buffer.from(edit.text));
    from = edit.end;
  }
  push(bytes.subarray(from));
  return { pieces, byteLength };
}

import { type Result, fail, ok } from '@sallyport/result';
import { treeSizeMax } from './frontier.ts';
import { hashBytes } from './merkle-hash.ts';
import type { NoteSigner, NoteVerifier } from './note-keys.ts';
import { decodeBase64 } from './note-text.ts';
import { type NoteRefusal, openNote, signNote } from './signed-note.ts';

/** What a log claims of itself: C2SP tlog-checkpoint. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export type CheckpointRefusal = NoteRefusal | 'malformed-checkpoint' | 'wrong-origin';

/** `origin`, size and base64 root, a line each. Throws RangeError for an origin or a size that cannot be. */
export function checkpointText(checkpoint: Checkpoint): string {
  const { origin, size, root } = checkpoint;
  if (origin === '' || origin.includes('\n')) throw new RangeError('an origin is one line');
  if (!Number.isSafeInteger(size) || size < 0 || root.length !== hashBytes) throw new RangeError('no checkpoint');
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Reads a checkpoint's text. Lines after the third are extensions, which are skipped. */
export function parseCheckpointText(text: string): Result<Checkpoint, 'malformed-checkpoint'> {
  const [origin, size, encoded, ...extensions] = text.split('\n');
  // The text ends with a newline, so that the split ends with one empty piece; an extension line is never empty.
  if (extensions.pop() !== '' || extensions.includes('')) return fail('malformed-checkpoint');
  const root = decodeBase64(encoded ?? '');
  if (!origin || root?.length !== hashBytes || !/^(0|[1-9]\d{0,15})$/.test(size ?? ''))
    return fail('malformed-checkpoint');
  return Number(size) > treeSizeMax ? fail('malformed-checkpoint') : ok({ origin, size: Number(size), root });
}

/** Signs a checkpoint; every signer's name is the log's origin or a witness's name. */
export function signCheckpoint(checkpoint: Checkpoint, signers: readonly NoteSigner[]): string {
  return signNote(checkpointText(checkpoint), signers);
}

/** Checks a signed checkpoint: a key that carries the log's own origin as its name must have signed it, a witness alone is not enough. */
export function openCheckpoint(
  note: Uint8Array | string,
  verifiers: readonly NoteVerifier[],
): Result<Checkpoint, CheckpointRefusal> {
  const opened = openNote(note, verifiers);
  if (!opened.ok) return opened;
  const checkpoint = parseCheckpointText(opened.value.text);
  if (!checkpoint.ok) return checkpoint;
  const { origin } = checkpoint.value;
  return opened.value.signedBy.some((key) => key.name === origin) ? checkpoint : fail('wrong-origin');
}

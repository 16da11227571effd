import { type Result, fail, ok } from '@sallyport/result';
import type { NoteSigner, NoteVerifier } from './note-keys.ts';
import { decodeBase64, isNoteName } from './note-text.ts';

/** Bounds of golang.org/x/mod/sumdb/note: what is larger is malformed. */
export const noteBytesMax = 1_000_000;
export const noteSignaturesMax = 100;

const signaturePrefix = '— ';
const separator = '\n\n';
const keyIdBytes = 4;

export type NoteRefusal = 'malformed-note' | 'invalid-signature' | 'no-known-signature';

/** A note whose text at least one known key signed. */
export interface OpenedNote {
  /** Ends with a newline. */
  readonly text: string;
  /** The keys that signed, each once. Lines of unknown keys are skipped. */
  readonly signedBy: readonly NoteVerifier[];
}

interface SignatureLine {
  readonly name: string;
  readonly keyId: number;
  readonly signature: Uint8Array;
}

/** Signs a text, which ends with a newline and has no other control characters. Throws RangeError otherwise. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  if (!text.endsWith('\n') || !isNoteText(text)) throw new RangeError('a note is lines of plain text');
  return `${text}\n${signers.map((signer) => signatureLine(text, signer)).join('')}`;
}

/**
 * Checks a signed note (C2SP signed-note; golang.org/x/mod/sumdb/note reads the same). Unknown signatures are skipped, a wrong one of a known key
 * refuses the whole note, and so does the lack of any known one.
 */
export function openNote(
  note: Uint8Array | string,
  verifiers: readonly NoteVerifier[],
): Result<OpenedNote, NoteRefusal> {
  const split = splitNote(note);
  if (split === undefined) return fail('malformed-note');
  const signedBy = new Set<NoteVerifier>();
  const bytes = Buffer.from(split.text);
  for (const line of split.signatures) {
    const verifier = verifiers.find((known) => known.name === line.name && known.keyId === line.keyId);
    if (verifier === undefined || signedBy.has(verifier)) continue;
    if (!verifier.verify(bytes, line.signature)) return fail('invalid-signature');
    signedBy.add(verifier);
  }
  return signedBy.size > 0 ? ok({ text: split.text, signedBy: [...signedBy] }) : fail('no-known-signature');
}

/** The text of a note, its signatures unchecked: for looking at what one has signed oneself, or is about to check otherwise. */
export function noteTextUnchecked(note: Uint8Array | string): Result<string, 'malformed-note'> {
  const split = splitNote(note);
  return split === undefined ? fail('malformed-note') : ok(split.text);
}

function signatureLine(text: string, signer: NoteSigner): string {
  const id = Buffer.alloc(keyIdBytes);
  id.writeUInt32BE(signer.verifier.keyId);
  const signature = Buffer.concat([id, signer.sign(Buffer.from(text))]);
  return `${signaturePrefix}${signer.verifier.name} ${signature.toString('base64')}\n`;
}

function splitNote(note: Uint8Array | string): { text: string; signatures: SignatureLine[] } | undefined {
  const whole = decodeNote(note);
  const at = whole?.lastIndexOf(separator) ?? -1;
  if (whole === undefined || at < 0 || !whole.endsWith('\n')) return undefined;
  const lines = whole.slice(at + separator.length, -1).split('\n');
  if (lines.length > noteSignaturesMax) return undefined;
  const signatures: SignatureLine[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === undefined) return undefined;
    signatures.push(signature);
  }
  return { text: whole.slice(0, at + 1), signatures };
}

function decodeNote(note: Uint8Array | string): string | undefined {
  if (note.length > noteBytesMax) return undefined;
  if (typeof note === 'string') return isNoteText(note) ? note : undefined;
  try {
    // A byte order mark is a character of the text like any other: dropped, it would let a changed note pass.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(note);
    return isNoteText(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function isNoteText(text: string): boolean {
  return text.isWellFormed() && !hasControlCharacter(text);
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 && code !== 0x0a) return true;
  }
  return false;
}

function parseSignatureLine(line: string): SignatureLine | undefined {
  if (!line.startsWith(signaturePrefix)) return undefined;
  const rest = line.slice(signaturePrefix.length);
  const space = rest.indexOf(' ');
  if (space < 0) return undefined;
  const name = rest.slice(0, space);
  const bytes = decodeBase64(rest.slice(space + 1));
  if (!isNoteName(name) || bytes === undefined || bytes.length < keyIdBytes + 1) return undefined;
  return { name, keyId: bytes.readUInt32BE(0), signature: bytes.subarray(keyIdBytes) };
}

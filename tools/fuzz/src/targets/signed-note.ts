import { isUtf8 } from 'node:buffer';
import assert from 'node:assert/strict';

import {
  checkpointText,
  noteSignaturesMax,
  noteSignerFromSeed,
  noteTextUnchecked,
  openCheckpoint,
  openNote,
  parseCheckpointText,
  parseVkey,
  parseVkeys,
  signNote,
  topicOfOrigin,
} from '@sallyport/transparency-log';

export const bytesMax = 4096;

/** The key of the seeds: they hold notes that it signed. */
const signer = noteSignerFromSeed('example.com/log', Buffer.alloc(32, 7));
const other = noteSignerFromSeed('witness.example', Buffer.alloc(32, 8));
const verifiers = [signer.verifier, other.verifier];

/** A signed note, a checkpoint and a file of verifier keys. What opens is exactly what was signed. */
export function fuzz(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  checkOpened(bytes, text);
  checkSigned(text);
  const checkpoint = parseCheckpointText(text);
  if (checkpoint.ok) assert.ok(text.startsWith(checkpointText(checkpoint.value)), 'a checkpoint has two spellings');
  for (const line of text.split('\n')) {
    const key = parseVkey(line);
    if (key.ok) assert.equal(key.value.vkey.toLowerCase(), line.toLowerCase());
    topicOfOrigin(line);
  }
  const keys = parseVkeys(text);
  if (keys.ok) assert.ok(keys.value.length <= bytes.length / 40);
}

function checkOpened(bytes: Uint8Array, text: string): void {
  const opened = openNote(bytes, verifiers);
  const unchecked = noteTextUnchecked(bytes);
  if (isUtf8(bytes)) assert.deepEqual(openNote(text, verifiers), opened, 'bytes and text are read differently');
  else assert.deepEqual(opened, { ok: false, reason: 'malformed-note' });
  assert.equal(unchecked.ok, opened.ok || opened.reason !== 'malformed-note');
  openCheckpoint(bytes, verifiers);
  if (!opened.ok) return;
  assert.equal(opened.value.text, unchecked.ok ? unchecked.value : undefined);
  assert.ok(text.startsWith(opened.value.text) && opened.value.text.endsWith('\n'));
  // Ed25519 is deterministic: a note that opens holds the very lines that we would write.
  for (const { name } of opened.value.signedBy) {
    const by = name === signer.verifier.name ? signer : other;
    const [, line = ''] = signNote(opened.value.text, [by]).split('\n\n— ');
    assert.ok(text.includes(line), 'opened without its signature');
  }
  assert.ok(text.slice(opened.value.text.length).split('\n').length <= noteSignaturesMax + 2);
}

/** What can be signed opens again, as bytes and as text, and not after a byte was changed. */
function checkSigned(text: string): void {
  let note: string;
  try {
    note = signNote(text, [signer]);
  } catch (error) {
    assert.ok(error instanceof RangeError, 'another error than the documented one');
    return;
  }
  const expected = { ok: true, value: { text, signedBy: [signer.verifier] } };
  assert.deepEqual(openNote(note, verifiers), expected);
  assert.deepEqual(openNote(Buffer.from(note), verifiers), expected);
  assert.equal(openNote(`x${note}`, verifiers).ok, false, 'a changed note opens');
}

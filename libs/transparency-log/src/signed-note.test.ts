import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkpointText, openCheckpoint, parseCheckpointText, signCheckpoint } from './checkpoint.ts';
import { logOrigin, topicOfOrigin } from './log-origin.ts';
import { leafHash } from './merkle-hash.ts';
import { noteSignerFromSeed, parseVkey, parseVkeys } from './note-keys.ts';
import { noteBytesMax, noteTextUnchecked, openNote, signNote } from './signed-note.ts';

/** The example of golang.org/x/mod/sumdb/note. */
const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const vkey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const seed = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1);
const line =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const peter = noteSignerFromSeed('PeterNeumann', seed);
const other = noteSignerFromSeed('other', Buffer.alloc(32, 1));
const known = [peter.verifier];

describe('signed notes', () => {
  it('reproduces the key and the signature of the Go package', () => {
    expect(peter.verifier.vkey).toBe(vkey);
    expect(signNote(text, [peter])).toBe(`${text}\n${line}`);
    expect(openNote(`${text}\n${line}`, known)).toEqual({ ok: true, value: { text, signedBy: known } });
  });

  it('skips unknown signatures and counts a key once', () => {
    const note = signNote(text, [other, peter, peter]);
    expect(openNote(note, known)).toEqual({ ok: true, value: { text, signedBy: known } });
    expect(openNote(note, [other.verifier, peter.verifier])).toMatchObject({
      ok: true,
      value: { signedBy: [{ name: 'other' }, { name: 'PeterNeumann' }] },
    });
    expect(openNote(signNote(text, [other]), known)).toEqual({ ok: false, reason: 'no-known-signature' });
  });

  it('refuses a wrong signature of a known key, even beside a right one of another', () => {
    const forged = signNote(text, [other, peter]).replace('problem is', 'problem was');
    expect(openNote(forged, known)).toEqual({ ok: false, reason: 'invalid-signature' });
    const short = `${text}\n${line.replace(/ \S+$/m, ` ${Buffer.from('c74f20a3aa', 'hex').toString('base64')}`)}`;
    expect(openNote(short, known)).toEqual({ ok: false, reason: 'invalid-signature' });
  });

  it.each([
    ['nothing', ''],
    ['no signature', text],
    ['no signature lines', `${text}\n`],
    ['no newline at the end', `${text}\n${line.trimEnd()}`],
    ['an empty line among the signatures', `${text}\n${line}\n`],
    ['another dash', `${text}\n${line.replace('—', '-')}`],
    ['no space after the name', `${text}\n— PeterNeumann\n`],
    ['an empty name', `${text}\n—  ${line.slice(15)}`],
    ['a plus in the name', `${text}\n${line.replace('Peter', 'Peter+')}`],
    ['a signature without bytes', `${text}\n— PeterNeumann x08goA==\n`.replace('x08goA==', 'x08gow==')],
    ['broken base64', `${text}\n${line.replace('x08g', 'x08*')}`],
    ['base64 with spare bits', `${text}\n${line.replace('nAM=', 'nAN=')}`],
    ['a control character', `a\tb\n\n${line}`],
    ['a carriage return', `${text}\r\n\n${line}`],
    ['a lone surrogate', `\ud800\n\n${line}`],
    ['too many signatures', `${text}\n${line.repeat(101)}`],
    ['too many bytes', `${'a'.repeat(noteBytesMax)}\n\n${line}`],
  ])('calls a note with %s malformed', (_, note) => {
    expect(openNote(note, known)).toEqual({ ok: false, reason: 'malformed-note' });
    expect(noteTextUnchecked(note).ok).toBe(false);
  });

  it('refuses bytes that are not UTF-8, and does not drop a byte order mark', () => {
    const bytes = Buffer.from(`${text}\n${line}`);
    expect(openNote(bytes, known).ok).toBe(true);
    expect(openNote(Buffer.concat([Buffer.of(0xff), bytes]), known)).toEqual({ ok: false, reason: 'malformed-note' });
    expect(openNote(Buffer.concat([Buffer.from('\ufeff'), bytes]), known)).toEqual({
      ok: false,
      reason: 'invalid-signature',
    });
  });

  it('signs no text that is not a note', () => {
    for (const bad of ['', 'no newline', 'tab\t\n']) expect(() => signNote(bad, [peter])).toThrow(RangeError);
  });
});

describe('verifier keys', () => {
  it.each([
    ['nothing', '', 'malformed-key'],
    ['one part', 'name', 'malformed-key'],
    ['a short id', vkey.replace('c74f20a3', 'c74f20a'), 'malformed-key'],
    ['broken base64', `${vkey}*`, 'malformed-key'],
    ['an empty name', vkey.replace('PeterNeumann', ''), 'malformed-key'],
    ['a name with a space', vkey.replace('PeterN', 'Peter N'), 'malformed-key'],
    ['another name', vkey.replace('Peter', 'Petra'), 'wrong-key-id'],
    ['another key', vkey.replace('10TW', '10TX'), 'wrong-key-id'],
  ])('refuses %s', (_, key, reason) => {
    expect(parseVkey(key)).toEqual({ ok: false, reason });
  });

  it('refuses a key of a type it does not know', () => {
    const key = Buffer.from([2, ...Buffer.alloc(32)]);
    const id = createHash('sha256').update('x\n').update(key).digest('hex').slice(0, 8);
    expect(parseVkey(`x+${id}+${key.toString('base64')}`)).toEqual({ ok: false, reason: 'unknown-key-type' });
  });

  it('reads a file of keys and names the line that is wrong', () => {
    expect(parseVkeys(`# keys\n\n${vkey}\n${other.verifier.vkey}\n`)).toMatchObject({
      ok: true,
      value: [{ name: 'PeterNeumann' }, { name: 'other' }],
    });
    expect(parseVkeys(`${vkey}\nnonsense\n`)).toEqual({ ok: false, reason: { line: 2, why: 'malformed-key' } });
    expect(parseVkeys('\n# none\n')).toEqual({ ok: false, reason: { line: 0, why: 'no-key' } });
  });

  it('refuses seeds and names that cannot be', () => {
    expect(() => noteSignerFromSeed('a b', Buffer.alloc(32))).toThrow(RangeError);
    expect(() => noteSignerFromSeed('a', Buffer.alloc(31))).toThrow(RangeError);
  });
});

describe('checkpoints', () => {
  const origin = logOrigin({ host: 'sallyport.internal', deployment: 'd1', epoch: 1, topic: 'sallyport.toolcall.v1' });
  const signer = noteSignerFromSeed(origin, Buffer.alloc(32, 7));
  const checkpoint = { origin, size: 20_852_163, root: leafHash('x') };

  it('writes origin, size and root, a line each, and reads them back', () => {
    const written = checkpointText(checkpoint);
    expect(written).toBe(
      `sallyport.internal/audit/d1/1/sallyport.toolcall.v1/p0\n20852163\n${leafHash('x').toString('base64')}\n`,
    );
    expect(parseCheckpointText(`${written}extension\n`)).toEqual({ ok: true, value: checkpoint });
    expect(openCheckpoint(signCheckpoint(checkpoint, [signer]), [signer.verifier])).toEqual({
      ok: true,
      value: checkpoint,
    });
  });

  it('wants a signature in the name of the log itself', () => {
    const note = signCheckpoint(checkpoint, [peter]);
    expect(openCheckpoint(note, known)).toEqual({ ok: false, reason: 'wrong-origin' });
    expect(openCheckpoint(signCheckpoint(checkpoint, [signer, peter]), [...known, signer.verifier]).ok).toBe(true);
  });

  it.each(['01', '-1', '1.0', '', ' 1', '9007199254740992', '12345678901234567', '0x1'])(
    'refuses the size %j',
    (size) => {
      expect(parseCheckpointText(checkpointText(checkpoint).replace('20852163', size)).ok).toBe(false);
    },
  );

  it('refuses missing lines, empty extensions and roots of another length', () => {
    const root = checkpoint.root.toString('base64');
    for (const bad of ['a\n1\n', `a\n1\n${root}`, `\n1\n${root}\n`, `a\n1\n${root}\n\n`, 'a\n1\nAAAA\n'])
      expect(parseCheckpointText(bad).ok).toBe(false);
    expect(() => checkpointText({ ...checkpoint, origin: 'a\nb' })).toThrow(RangeError);
    expect(() => checkpointText({ ...checkpoint, size: -1 })).toThrow(RangeError);
  });

  it('takes origins apart and refuses parts that would blur them', () => {
    expect(topicOfOrigin(origin)).toBe('sallyport.toolcall.v1');
    expect(topicOfOrigin('PeterNeumann')).toBeUndefined();
    for (const part of ['', 'a/b', 'a b', 'a+b', 'ä'])
      expect(() => logOrigin({ host: 'h', deployment: part, epoch: 1, topic: 't' })).toThrow(RangeError);
    expect(() => logOrigin({ host: 'h', deployment: 'd', epoch: 0, topic: 't' })).toThrow(RangeError);
  });
});

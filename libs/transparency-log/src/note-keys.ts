import { type KeyObject, createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { type Result, fail, ok } from '@sallyport/result';
import { decodeBase64, isNoteName } from './note-text.ts';

/** Signature type 0x01 of C2SP signed-note: Ed25519. */
const ed25519Type = 1;
const ed25519KeyBytes = 32;
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** A key that checks signatures of one name. */
export interface NoteVerifier {
  readonly name: string;
  /** The first 4 bytes of SHA-256(name ‖ "\n" ‖ type ‖ public key), which a signature line repeats. */
  readonly keyId: number;
  /** `name+hex+base64`, what a verifier is configured with. */
  readonly vkey: string;
  verify(text: Uint8Array, signature: Uint8Array): boolean;
}

/** A key that signs in one name. */
export interface NoteSigner {
  readonly verifier: NoteVerifier;
  sign(text: Uint8Array): Uint8Array;
}

export type VkeyRefusal = 'malformed-key' | 'wrong-key-id' | 'unknown-key-type';

/** Reads `name+hex+base64`, as golang.org/x/mod/sumdb/note does. */
export function parseVkey(vkey: string): Result<NoteVerifier, VkeyRefusal> {
  const [name, id, encoded] = cut(vkey);
  if (name === undefined || id === undefined || encoded === undefined) return fail('malformed-key');
  const key = decodeBase64(encoded);
  if (!isNoteName(name) || !/^[0-9a-f]{8}$/i.test(id) || key === undefined || key.length === 0)
    return fail('malformed-key');
  const keyId = keyIdOf(name, key);
  if (keyId !== Number.parseInt(id, 16)) return fail('wrong-key-id');
  if (key[0] !== ed25519Type || key.length !== 1 + ed25519KeyBytes) return fail('unknown-key-type');
  return ok(verifierOf(name, key.subarray(1)));
}

/** Reads one vkey per line; blank lines and lines that start with `#` are skipped. The refusal names the line, counted from 1. */
export function parseVkeys(
  text: string,
): Result<readonly NoteVerifier[], { readonly line: number; readonly why: VkeyRefusal | 'no-key' }> {
  const verifiers: NoteVerifier[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const verifier = parseVkey(line);
    if (!verifier.ok) return fail({ line: index + 1, why: verifier.reason });
    verifiers.push(verifier.value);
  }
  return verifiers.length > 0 ? ok(verifiers) : fail({ line: 0, why: 'no-key' as const });
}

/** Signs with an Ed25519 key made from its 32 byte seed. Throws RangeError for a name or a seed that cannot be. */
export function noteSignerFromSeed(name: string, seed: Uint8Array): NoteSigner {
  if (!isNoteName(name)) throw new RangeError('a key name is not empty and has neither spaces nor a plus');
  if (seed.length !== ed25519KeyBytes) throw new RangeError(`a seed has ${ed25519KeyBytes} bytes, not ${seed.length}`);
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(spkiPrefix.length);
  return { verifier: verifierOf(name, publicKey), sign: (text) => sign(null, text, privateKey) };
}

function verifierOf(name: string, publicKey: Uint8Array): NoteVerifier {
  const key = Buffer.concat([Buffer.of(ed25519Type), publicKey]);
  const keyId = keyIdOf(name, key);
  const object: KeyObject = createPublicKey({
    key: Buffer.concat([spkiPrefix, publicKey]),
    format: 'der',
    type: 'spki',
  });
  return {
    name,
    keyId,
    vkey: `${name}+${keyId.toString(16).padStart(8, '0')}+${key.toString('base64')}`,
    verify: (text, signature) => signature.length === 64 && verify(null, text, object, signature),
  };
}

function keyIdOf(name: string, key: Uint8Array): number {
  return createHash('sha256').update(`${name}\n`).update(key).digest().readUInt32BE(0);
}

/** Cuts at the first two plus signs; base64 may hold more of them. */
function cut(vkey: string): (string | undefined)[] {
  const first = vkey.indexOf('+');
  const second = vkey.indexOf('+', first + 1);
  if (first < 0 || second < 0) return [];
  return [vkey.slice(0, first), vkey.slice(first + 1, second), vkey.slice(second + 1)];
}

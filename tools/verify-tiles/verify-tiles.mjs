// Verifies an exported audit ledger with nothing but Node: node verify-tiles.mjs DIR --vkeys FILE
// Written from the public formats (RFC 6962, C2SP tlog-tiles, tlog-checkpoint, signed-note); it shares no code with what made the export.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

class Wrong extends Error {}
const check = (condition, message) => {
  if (!condition) throw new Wrong(message);
};
const sha256 = (...parts) => parts.reduce((sum, part) => sum.update(part), createHash('sha256')).digest();
const leafHash = (entry) => sha256(Buffer.of(0), entry);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** RFC 6962 root of a list of subtree roots, all of one level but the last. */
function rootOf(hashes) {
  if (hashes.length === 0) return sha256('');
  let level = hashes;
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at < level.length; at += 2)
      above.push(at + 1 < level.length ? nodeHash(level[at], level[at + 1]) : level[at]);
    level = above;
  }
  return level[0];
}

function readVkeys(file) {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(line) ?? [];
      check(name, `not a verifier key: ${line}`);
      const key = Buffer.from(encoded, 'base64');
      check(sha256(`${name}\n`, key).subarray(0, 4).toString('hex') === id, `wrong key id: ${line}`);
      check(key[0] === 1 && key.length === 33, `not an Ed25519 key: ${line}`);
      const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.subarray(1)]);
      return { name, id, key: createPublicKey({ key: spki, format: 'der', type: 'spki' }) };
    });
}

/** Checks the signature and answers with origin, size and root. */
function readCheckpoint(note, vkeys) {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(note);
  const cut = text.lastIndexOf('\n\n');
  check(cut > 0 && text.endsWith('\n'), 'the checkpoint is not a signed note');
  const body = text.slice(0, cut + 1);
  const [origin, size, root, ...rest] = body.split('\n');
  check(
    /^(0|[1-9]\d{0,15})$/.test(size) && Buffer.from(root, 'base64').toString('base64') === root,
    'malformed checkpoint',
  );
  check(rest.at(-1) === '', 'malformed checkpoint');
  let signed = false;
  for (const line of text.slice(cut + 2, -1).split('\n')) {
    const [, name, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    check(name && Buffer.from(encoded, 'base64').toString('base64') === encoded, 'malformed signature line');
    const bytes = Buffer.from(encoded, 'base64');
    const known = vkeys.find((vkey) => vkey.name === name && vkey.id === bytes.subarray(0, 4).toString('hex'));
    if (!known) continue;
    check(verify(null, Buffer.from(body), known.key, bytes.subarray(4)), `wrong signature of ${name}`);
    signed ||= name === origin;
  }
  check(signed, 'no known key of this log signed the checkpoint');
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') };
}

/** `x001/x234/067[.p/W]` */
function tilePath(index, width) {
  const groups = [String(index % 1000).padStart(3, '0')];
  for (let left = Math.floor(index / 1000); left > 0; left = Math.floor(left / 1000))
    groups.unshift(`x${String(left % 1000).padStart(3, '0')}`);
  return groups.join('/') + (width === 256 ? '' : `.p/${width}`);
}

function readEntries(file, width) {
  const bytes = readFileSync(file);
  const entries = [];
  let at = 0;
  while (entries.length < width && at + 2 <= bytes.length) {
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) break;
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return { entries, whole: entries.length === width && at === bytes.length };
}

/** Compares a tile file, which should hold `width` hashes, with those that were computed for it. */
function checkTile(dir, level, index, hashes, width) {
  const tile = readFileSync(join(dir, 'tile', String(level), tilePath(index, width)));
  hashes.forEach((hash, at) => {
    const leaf = (index * 256 + at) * 256 ** level;
    check(hash.equals(tile.subarray(at * 32, at * 32 + 32)), `leaf ${leaf}: tile/${level} does not hold its hash`);
  });
  check(tile.length === width * 32, `tile/${level}, tile ${index}: wrong length`);
}

function verifyLog(dir, vkeys) {
  const checkpoint = readCheckpoint(readFileSync(join(dir, 'checkpoint')), vkeys);
  let full = [];
  // The root of what the full tiles of a level do not cover: the right edge of the tree.
  let edge;
  const place = (hash, width) => (width === 256 ? full.push(hash) : (edge = hash));
  for (let first = 0; first < checkpoint.size; first += 256) {
    const width = Math.min(256, checkpoint.size - first);
    const { entries, whole } = readEntries(join(dir, 'tile', 'entries', tilePath(first / 256, width)), width);
    const leaves = entries.map(leafHash);
    checkTile(dir, 0, first / 256, leaves, width);
    check(whole, `leaf ${first + Math.min(leaves.length, width - 1)}: malformed entry bundle`);
    place(rootOf(leaves), width);
  }
  for (let level = 1; full.length > 0; level += 1) {
    const hashes = full;
    full = [];
    for (let first = 0; first < hashes.length; first += 256) {
      const group = hashes.slice(first, first + 256);
      checkTile(dir, level, first / 256, group, group.length);
      place(rootOf(group.length < 256 && edge ? [...group, edge] : group), group.length);
    }
  }
  const root = edge ?? sha256('');
  check(root.equals(checkpoint.root), 'the entries do not have the root that was signed');
  return checkpoint;
}

const [dir, flag, vkeysFile] = process.argv.slice(2);
if (!dir || flag !== '--vkeys' || !vkeysFile) {
  console.error('usage: node verify-tiles.mjs DIR --vkeys FILE');
  process.exit(64);
}
let log = dir;
try {
  const vkeys = readVkeys(vkeysFile);
  const logs = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  check(logs.length > 0, 'no log');
  for (const { name } of logs) {
    log = name;
    const { origin, size, root } = verifyLog(join(dir, name), vkeys);
    check(origin.split('/').includes(name), `the folder holds another log: ${origin}`);
    console.log(`${name}: verified, ${size} leaves, root ${root.toString('hex')}`);
  }
} catch (error) {
  console.error(`${log}: ${error.message}`);
  process.exit(1);
}

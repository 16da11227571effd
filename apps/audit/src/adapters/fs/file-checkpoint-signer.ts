import { createPrivateKey } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { readSecretFile } from '@sallyport/config';
import { type Result, fail, ok } from '@sallyport/result';
import {
  type Checkpoint,
  type NoteSigner,
  noteSignerFromSeed,
  openCheckpoint,
  sameHash,
  signCheckpoint,
  verifyConsistency,
} from '@sallyport/transparency-log';
import { CheckpointSigner, type SigningRefusal, type SigningRequest } from '../../ports/checkpoint-signer.ts';

interface Remembered {
  readonly checkpoint: Checkpoint;
  readonly note: string;
}

interface LogKey {
  readonly signer: NoteSigner;
  readonly stateFile: string;
  last: Remembered | undefined;
}

/**
 * An Ed25519 key in a file (PKCS #8, PEM, mode 0600), and beside it the last note that was signed for each log. It signs a tree only if the
 * one it signed before is a prefix of it. The note is its own proof: a state file that this key did not sign is refused.
 */
export class FileCheckpointSigner extends CheckpointSigner {
  readonly #logs: ReadonlyMap<string, LogKey>;
  #pending: Promise<unknown> = Promise.resolve();

  private constructor(logs: ReadonlyMap<string, LogKey>) {
    super();
    this.#logs = logs;
  }

  /** Throws where a file cannot be read or is not what it should be; the message names the file and never its content. */
  static open(options: {
    readonly keyFile: string;
    readonly stateDirectory: string;
    readonly logs: readonly { readonly topic: string; readonly origin: string }[];
  }): FileCheckpointSigner {
    const seed = readSeed(options.keyFile);
    mkdirSync(options.stateDirectory, { recursive: true, mode: 0o700 });
    const logs = new Map<string, LogKey>();
    for (const { topic, origin } of options.logs) {
      const signer = noteSignerFromSeed(origin, seed);
      const stateFile = join(options.stateDirectory, `${topic}.checkpoint`);
      logs.set(origin, { signer, stateFile, last: readState(stateFile, signer) });
    }
    return new FileCheckpointSigner(logs);
  }

  override vkey(origin: string): string {
    return this.#log(origin).signer.verifier.vkey;
  }

  override last(origin: string): Checkpoint | undefined {
    return this.#log(origin).last?.checkpoint;
  }

  override sign(request: SigningRequest): Promise<Result<string, SigningRefusal>> {
    const signing = this.#pending.then(() => this.#sign(request));
    this.#pending = signing.catch(() => undefined);
    return signing;
  }

  async #sign(request: SigningRequest): Promise<Result<string, SigningRefusal>> {
    const { origin, size, root } = request;
    const log = this.#log(origin);
    if (log.last === undefined && request.hasHistory) return fail('signer-state-lost');
    if (log.last !== undefined) {
      const { checkpoint, note } = log.last;
      if (size < checkpoint.size) return fail('tree-shrank');
      if (size === checkpoint.size) return sameHash(root, checkpoint.root) ? ok(note) : fail('inconsistent-tree');
      const claim = { oldSize: checkpoint.size, oldRoot: checkpoint.root, size, root, proof: request.consistency };
      if (!verifyConsistency(claim)) return fail('inconsistent-tree');
    }
    const checkpoint: Checkpoint = { origin, size, root };
    const note = signCheckpoint(checkpoint, [log.signer]);
    // Remembered before anybody sees it: a crash in between costs nothing, the other order could sign two histories.
    await writeDurably(log.stateFile, note);
    log.last = { checkpoint, note };
    return ok(note);
  }

  #log(origin: string): LogKey {
    const log = this.#logs.get(origin);
    if (log === undefined) throw new Error(`the signer has no log ${origin}`);
    return log;
  }
}

function readSeed(keyFile: string): Buffer {
  const pem = readSecretFile(keyFile);
  const how = `${keyFile} holds no Ed25519 key: make one with \`openssl genpkey -algorithm ed25519 -out ${keyFile}\``;
  try {
    const key = createPrivateKey(pem);
    const seed = key.asymmetricKeyType === 'ed25519' ? key.export({ format: 'jwk' }).d : undefined;
    if (seed !== undefined) return Buffer.from(seed, 'base64url');
  } catch {
    throw new Error(how);
  }
  throw new Error(how);
}

function readState(stateFile: string, signer: NoteSigner): Remembered | undefined {
  const note = readIfThere(stateFile);
  if (note === undefined) return undefined;
  const checkpoint = openCheckpoint(note, [signer.verifier]);
  if (!checkpoint.ok)
    throw new Error(
      `${stateFile} is not a checkpoint that this key signed for ${signer.verifier.name}: ${checkpoint.reason}`,
    );
  return { checkpoint: checkpoint.value, note };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A new file that takes the old one's name, both the bytes and the name flushed to the disk. */
async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  const directory = await open(join(file, '..'));
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

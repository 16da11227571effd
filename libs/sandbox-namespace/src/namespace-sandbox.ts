import { constants } from 'node:os';
import {
  type ExecOptions,
  type ExecRequest,
  type ExecResult,
  type FileContent,
  type FileResult,
  Sandbox,
  SandboxLostError,
  type SandboxRef,
  SandboxRefusedError,
  type ShellRequest,
  type Walk,
} from '@sallyport/sandbox';
import type { AgentConnection } from './agent-connection.ts';
import {
  BodyWriter,
  type Entry,
  encodeBlob,
  encodeFrame,
  frameBodyBytesMax,
  type Reply,
  type RequestType,
  requestType,
} from './agent-frames.ts';

/** Beyond a call's own time limit: what the agent may take to end its processes. Then the sandbox is given up. */
const endingMsMax = 15_000;
const fileMsMax = 60_000;
const outputBytesMax = 1024 * 1024;
const timeoutMsMax = 24 * 60 * 60 * 1_000;
export const fileBytesMax = 64 * 1024 * 1024;
const readBytesMax = 16 * 1024 * 1024;
const callsWaitingMax = 16;

export interface SandboxParts {
  readonly ref: SandboxRef;
  readonly agent: AgentConnection;
  /** Of the host, for tests of the separation. */
  readonly uid: number | undefined;
  readonly baseEnv: Readonly<Record<string, string>>;
  /** How many processes the kernel has ended for want of memory; undefined where nobody counts. */
  readonly oomKills: (() => number) | undefined;
  readonly throttled: (() => number) | undefined;
  /** Removes what is left on the host once the agent is gone. */
  readonly remove: () => Promise<void>;
}

export class NamespaceSandbox extends Sandbox {
  readonly ref: SandboxRef;
  readonly lost: Promise<string>;
  readonly uid: number | undefined;
  readonly #parts: SandboxParts;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #destroyed: Promise<void> | undefined;

  constructor(parts: SandboxParts) {
    super();
    this.ref = parts.ref;
    this.uid = parts.uid;
    this.#parts = parts;
    this.lost = new Promise((resolve) => {
      void parts.agent.ended.then((sentence) => {
        if (this.#destroyed === undefined) resolve(`the sandbox's first process is gone: ${sentence}`);
      });
    });
  }

  get pid(): number {
    return this.#parts.agent.pid;
  }

  /** How often it had to wait for its share of the processor. */
  throttled(): number {
    return this.#parts.throttled?.() ?? 0;
  }

  async exec(request: ExecRequest, options: ExecOptions): Promise<ExecResult> {
    return await this.#run(requestType.exec, request, options);
  }

  /** A mode of the agent's own binary, which has no path inside. For the self-test. */
  async probe(request: ExecRequest, options: ExecOptions): Promise<ExecResult> {
    return await this.#run(requestType.probe, request, options);
  }

  async shell(request: ShellRequest, options: ExecOptions): Promise<ExecResult> {
    refuseNul([request.command]);
    const body = limitsOf(request).bytes();
    return await this.#call(requestType.shell, Buffer.from(request.command, 'utf8'), body, request.timeoutMs, options);
  }

  #run(
    type: typeof requestType.exec | typeof requestType.probe,
    request: ExecRequest,
    options: ExecOptions,
  ): Promise<ExecResult> {
    if (request.argv.length === 0) throw new SandboxRefusedError('capability', 'argv is empty: name a program');
    const env = Object.entries({ ...this.#parts.baseEnv, ...request.env }).map(([name, value]) => `${name}=${value}`);
    refuseNul([request.cwd, ...request.argv, ...env]);
    const body = limitsOf(request).string(request.cwd).strings(request.argv).strings(env).bytes();
    return this.#call(type, request.stdin, body, request.timeoutMs, options);
  }

  async restartShell(): Promise<void> {
    await this.#file({ type: requestType.restart, body: new BodyWriter() });
  }

  async readFile(
    path: string,
    range: { readonly offset: number; readonly length: number },
  ): Promise<FileResult<FileContent>> {
    if (range.length > readBytesMax)
      throw new SandboxRefusedError('capability', `at most ${readBytesMax} bytes are read at once`);
    const parts: Uint8Array[] = [];
    const answer = await this.#file({
      type: requestType.read,
      path,
      body: new BodyWriter().string(path).u64(range.offset).u32(range.length),
      onReply: (reply) => {
        if (reply.type === 'data') parts.push(Uint8Array.from(reply.data));
      },
    });
    return answer.ok ? { ok: true, value: { data: Buffer.concat(parts), size: answer.value } } : answer;
  }

  async writeFile(path: string, data: Uint8Array): Promise<FileResult<void>> {
    if (data.length > fileBytesMax)
      throw new SandboxRefusedError('capability', `at most ${fileBytesMax} bytes are written at once`);
    const answer = await this.#file({ type: requestType.write, path, body: new BodyWriter().string(path), blob: data });
    return answer.ok ? { ok: true, value: undefined } : answer;
  }

  async walk(path: string, options: { readonly entriesMax: number }): Promise<FileResult<Walk>> {
    const entries: Entry[] = [];
    const answer = await this.#file({
      type: requestType.walk,
      path,
      body: new BodyWriter().string(path).u32(options.entriesMax),
      onReply: (reply) => {
        if (reply.type === 'entries') entries.push(...reply.entries);
      },
    });
    return answer.ok ? { ok: true, value: { entries, truncated: answer.value === 1 } } : answer;
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#parts.agent
      .shutDown()
      .then(() => this.#parts.remove())
      .catch((error: unknown) => {
        // The next one tries again.
        this.#destroyed = undefined;
        throw error;
      });
    return this.#destroyed;
  }

  #call(
    type: typeof requestType.exec | typeof requestType.probe | typeof requestType.shell,
    blob: Uint8Array | undefined,
    body: Uint8Array,
    timeoutMs: number,
    options: ExecOptions,
  ): Promise<ExecResult> {
    if (body.length > frameBodyBytesMax) {
      throw new SandboxRefusedError(
        'capability',
        `arguments and environment are ${body.length} bytes, more than ${frameBodyBytesMax}`,
      );
    }
    refuseLargeBlob(blob);
    return this.#inTurn(async () => {
      if (options.signal.aborted) return notStarted;
      const { agent, oomKills } = this.#parts;
      const call = agent.nextCall();
      const oomKillsBefore = oomKills?.() ?? 0;
      const output = new CallOutput(options.onOutput);
      const cancel = () => agent.cancel(call);
      options.signal.addEventListener('abort', cancel, { once: true });
      try {
        const frames = [...(blob === undefined ? [] : encodeBlob(call, blob)), encodeFrame(type, call, body)];
        await this.#converse(call, frames, timeoutMs + endingMsMax, (reply) => output.take(reply));
      } finally {
        options.signal.removeEventListener('abort', cancel);
      }
      return output.result((oomKills?.() ?? 0) > oomKillsBefore);
    });
  }

  async #file(request: FileRequest): Promise<FileResult<number>> {
    if (request.path?.includes('\0') === true) return { ok: false, reason: { code: 'EINVAL' } };
    const bytes = request.body.bytes();
    if (bytes.length > frameBodyBytesMax) return { ok: false, reason: { code: 'ENAMETOOLONG' } };
    return await this.#inTurn(async () => {
      const call = this.#parts.agent.nextCall();
      const blob = request.blob === undefined ? [] : encodeBlob(call, request.blob);
      let answer: FileResult<number> = { ok: false, reason: { code: 'EIO' } };
      await this.#converse(call, [...blob, encodeFrame(request.type, call, bytes)], fileMsMax, (reply) => {
        request.onReply?.(reply);
        if (reply.type === 'done') answer = { ok: true, value: reply.value };
        if (reply.type === 'failed') answer = { ok: false, reason: { code: errnoName(reply.errno) } };
        return reply.type === 'done' || reply.type === 'failed';
      });
      return answer;
    });
  }

  async #converse(
    call: number,
    frames: Uint8Array[],
    msMax: number,
    onReply: (reply: Reply) => boolean,
  ): Promise<void> {
    const { agent } = this.#parts;
    let isStuck = false;
    const timer = setTimeout(() => {
      isStuck = true;
      agent.kill();
    }, msMax);
    try {
      await agent.converse(call, frames, onReply);
    } catch (error) {
      const why = isStuck
        ? `it did not answer within ${msMax} ms and was killed`
        : String(error instanceof Error ? error.message : error);
      throw new SandboxLostError(`sandbox ${this.ref.id} was lost during a call: ${why}`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#destroyed !== undefined) throw new SandboxLostError(`sandbox ${this.ref.id} was destroyed`);
    if (this.#waiting >= callsWaitingMax)
      throw new SandboxRefusedError('capacity', `${callsWaitingMax} calls wait for sandbox ${this.ref.id}`);
    this.#waiting += 1;
    const mine = this.#turn.then(work);
    this.#turn = mine.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await mine;
    } finally {
      this.#waiting -= 1;
    }
  }
}

interface FileRequest {
  readonly type: RequestType;
  readonly path?: string;
  readonly body: BodyWriter;
  readonly blob?: Uint8Array;
  readonly onReply?: (reply: Reply) => void;
}

const notStarted: ExecResult = {
  outcome: 'cancelled',
  code: 0,
  head: new Uint8Array(),
  tail: new Uint8Array(),
  omittedBytes: 0,
  durationMs: 0,
};

class CallOutput {
  readonly #onOutput: ((data: Uint8Array) => void) | undefined;
  readonly #head: Uint8Array[] = [];
  readonly #tail: Uint8Array[] = [];
  #ended: Extract<Reply, { type: 'ended' }> | undefined;

  constructor(onOutput: ((data: Uint8Array) => void) | undefined) {
    this.#onOutput = onOutput;
  }

  take(reply: Reply): boolean {
    if (reply.type === 'output') {
      const data = Uint8Array.from(reply.data);
      this.#head.push(data);
      this.#onOutput?.(data);
    } else if (reply.type === 'tail') {
      this.#tail.push(Uint8Array.from(reply.data));
    } else if (reply.type === 'ended') {
      this.#ended = reply;
      return true;
    }
    return false;
  }

  result(memoryRanOut: boolean): ExecResult {
    const ended = this.#ended;
    if (ended === undefined) throw new SandboxLostError('the call ended without a result');
    const natural = memoryRanOut && ended.code !== 0 ? 'oom' : ended.signal === 0 ? 'exit' : 'signal';
    return {
      outcome: ended.cause === 'ended' ? natural : ended.cause,
      code: ended.code,
      head: Buffer.concat(this.#head),
      tail: Buffer.concat(this.#tail),
      omittedBytes: ended.omittedBytes,
      durationMs: ended.durationMs,
    };
  }
}

function limitsOf(request: ExecRequest | ShellRequest): BodyWriter {
  const { headBytes, tailBytes } = request.output;
  for (const [name, value, max] of [
    ['timeoutMs', request.timeoutMs, timeoutMsMax],
    ['output.headBytes', headBytes, outputBytesMax],
    ['output.tailBytes', tailBytes, outputBytesMax],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new SandboxRefusedError('capability', `${name} is ${value}; it must be an integer from 0 to ${max}`);
    }
  }
  return new BodyWriter().u32(request.timeoutMs).u32(headBytes).u32(tailBytes);
}

function refuseNul(texts: readonly string[]): void {
  if (texts.some((text) => text.includes('\0'))) {
    throw new SandboxRefusedError('capability', 'commands, arguments and environment cannot hold a NUL');
  }
}

function refuseLargeBlob(blob: Uint8Array | undefined): void {
  if (blob !== undefined && blob.length > fileBytesMax) {
    throw new SandboxRefusedError('capability', `commands and standard input have at most ${fileBytesMax} bytes`);
  }
}

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

function errnoName(number: number): string {
  return errnoNames.get(number) ?? `E${number}`;
}

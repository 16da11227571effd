import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { launchMark } from './bwrap-arguments.ts';
import { endOrphanedGroup, identify, type ProcessIdentity } from './process-identity.ts';
import { decodeReply, encodeFrame, FrameDecoder, type Reply, requestType } from './agent-frames.ts';

const errorTextCharsMax = 4_000;
const shutdownMsMax = 500;
/** After the end of bwrap: what the kernel takes to end the rest. What is left then waits for something that does not come. */
const orphanMsMax = 200;

/** Takes the replies of one call. True where that was the last one. */
export type ReplyHandler = (reply: Reply) => boolean;

interface Conversation {
  readonly call: number;
  readonly onReply: ReplyHandler;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** The process of a sandbox and its frames. One call is under way at a time. */
export class AgentConnection {
  /** Resolves with a sentence once the process and everything in its sandbox that holds its pipes is gone. */
  readonly ended: Promise<string>;
  readonly pid: number;
  /** Undefined where it could not be started, or has ended already. */
  readonly identity: ProcessIdentity | undefined;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #decoder = new FrameDecoder();
  #current: Conversation | undefined;
  #lastCall = 0;
  #errorText = '';
  #endedWith: string | undefined;

  constructor(command: string, args: readonly string[]) {
    // A process group of its own, so that one signal reaches bwrap and its child while that has not left it yet.
    this.#process = spawn(command, args, { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.pid = this.#process.pid ?? 0;
    this.identity = this.pid === 0 ? undefined : identify(this.pid);
    this.#process.once('exit', () => this.#endOrphans());
    this.#process.stdin.on('error', () => undefined); // the end of the process says what there is to say
    this.#process.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-errorTextCharsMax);
    });
    this.ended = new Promise((resolve) => {
      this.#process.once('error', (error) => this.#end(`it could not be started: ${error.message}`, resolve));
      this.#process.once('close', (code, signal) => {
        const how = signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`;
        this.#end([how, this.#errorText.trim()].filter((part) => part !== '').join(': '), resolve);
      });
    });
  }

  nextCall(): number {
    this.#lastCall = this.#lastCall >= 0xffff_fffe ? 1 : this.#lastCall + 1;
    return this.#lastCall;
  }

  /** Sends the frames of a call and hands its replies over. Rejects with a sentence when the agent ends before the last one. */
  converse(call: number, frames: readonly Uint8Array[], onReply: ReplyHandler): Promise<void> {
    if (this.#endedWith !== undefined) return Promise.reject(new Error(this.#endedWith));
    if (this.#current !== undefined) return Promise.reject(new Error('another call is under way'));
    return new Promise((resolve, reject) => {
      this.#current = { call, onReply, resolve, reject };
      this.#send(frames);
    });
  }

  cancel(call: number): void {
    if (this.#current?.call === call) this.#send([encodeFrame(requestType.cancel, call)]);
  }

  kill(): void {
    const { exitCode, signalCode } = this.#process;
    // Only while it is not reaped is the number surely its own.
    if (this.pid !== 0 && exitCode === null && signalCode === null) {
      try {
        process.kill(-this.pid, 'SIGKILL');
      } catch {
        this.#process.kill('SIGKILL');
      }
    }
    this.#process.stdin.destroy(); // an agent that has left the group ends with its input
  }

  /** Ends everything in the sandbox, and waits until it is gone. */
  async shutDown(): Promise<void> {
    if (this.#endedWith !== undefined) return;
    this.#send([encodeFrame(requestType.shutdown, 0)]);
    const timer = setTimeout(() => this.kill(), shutdownMsMax);
    await this.ended;
    clearTimeout(timer);
  }

  #endOrphans(): void {
    this.#process.stdin.destroy();
    const { identity } = this;
    if (identity === undefined) return;
    const timer = setTimeout(() => endOrphanedGroup(identity, launchMark), orphanMsMax);
    void this.ended.then(() => clearTimeout(timer));
  }

  #send(frames: readonly Uint8Array[]): void {
    const { stdin } = this.#process;
    if (!stdin.writable) return;
    if (frames.length > 1) stdin.cork();
    for (const frame of frames) stdin.write(frame);
    if (frames.length > 1) stdin.uncork();
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#decoder.push(chunk)) {
        const conversation = this.#current;
        if (conversation?.call !== frame.call) throw new Error(`a reply to call ${frame.call}, which is not under way`);
        if (!conversation.onReply(decodeReply(frame))) continue;
        this.#current = undefined;
        conversation.resolve();
      }
    } catch (error) {
      this.#errorText = `the agent broke the protocol: ${error instanceof Error ? error.message : String(error)}`;
      this.#process.stdout.removeAllListeners('data').resume();
      this.kill();
    }
  }

  #end(sentence: string, resolve: (sentence: string) => void): void {
    if (this.#endedWith !== undefined) return;
    this.#endedWith = sentence;
    resolve(sentence);
    this.#current?.reject(new Error(sentence));
    this.#current = undefined;
  }
}

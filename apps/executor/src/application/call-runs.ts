import type { Sandbox } from '@sallyport/sandbox';
import { parseTraceContext, SpanRole, type Telemetry } from '@sallyport/telemetry';

import type { CallAnswer, CallRequest, Lease } from '../domain/protocol-messages.ts';
import type { MonotonicClock } from '../ports/monotonic-clock.ts';
import type { ToolResult, ToolRunner } from '../ports/tool-runner.ts';
import type { ExecutorSignals } from '../signals.ts';
import { cutText } from './answer-text.ts';
import { OutputRelay } from './output-relay.ts';

/** How long a tool may live on after it was told to end. Then its sandbox is destroyed. */
export const abortMsMax = 5_000;
/** Output of all calls together is sent this often, so many messages at most each time: 1,000 a second, half of what a scheduler takes. */
const outputIntervalMs = 50;
const outputMessagesPerInterval = 50;
/** An answer has to fit into a message of 4 MiB. */
const callBytesMaxMax = 3 * 1024 * 1024;

export interface CallEvents {
  callEnded(answer: CallAnswer): void;
  /** The tool does not end: the sandbox has to. */
  callStuck(lease: Lease): void;
  /** False where the stream is full. */
  output(lease: Lease, callId: string, data: Uint8Array): boolean;
}

export interface Run {
  readonly lease: Lease;
  readonly call: CallRequest;
  readonly bytesMax: number;
  /** Undefined where it is gone already. */
  readonly sandbox: Sandbox | undefined;
}

type AbortCause = 'deadline' | 'cancelled' | 'lease_over';

interface LiveRun {
  readonly controller: AbortController;
  readonly relay: OutputRelay;
  cause: AbortCause | undefined;
}

const aborted: Readonly<Record<AbortCause, Pick<ToolResult, 'outcome' | 'code'>>> = {
  deadline: { outcome: 'timed_out', code: 'deadline_exceeded' },
  cancelled: { outcome: 'cancelled', code: 'cancelled' },
  lease_over: { outcome: 'lost', code: 'lease_over' },
};

const stuck = Symbol('stuck');

/** The calls in flight: deadline, cancel, output, and one answer each. */
export class CallRuns {
  readonly #runner: ToolRunner;
  readonly #clock: MonotonicClock;
  readonly #signals: ExecutorSignals;
  readonly #telemetry: Telemetry;
  readonly #live = new Map<string, LiveRun>();
  #flushing: NodeJS.Timeout | undefined;
  #messagesLeft = outputMessagesPerInterval;
  #isStreamFull = false;

  constructor(runner: ToolRunner, clock: MonotonicClock, signals: ExecutorSignals, telemetry: Telemetry) {
    this.#runner = runner;
    this.#clock = clock;
    this.#signals = signals;
    this.#telemetry = telemetry;
  }

  start(run: Run, events: CallEvents): void {
    this.#run(run, events).catch((error: unknown) => this.#signals.bug(error));
  }

  abort(callId: string, cause: AbortCause): void {
    const live = this.#live.get(callId);
    if (live === undefined || live.cause !== undefined) return;
    live.cause = cause;
    live.controller.abort();
  }

  /** The stream takes more output. */
  writable(): void {
    this.#isStreamFull = false;
  }

  /** The stream is gone: calls run on, their output has no way. */
  disconnected(): void {
    this.#isStreamFull = false;
    for (const { relay } of this.#live.values()) relay.end();
  }

  #flush(): void {
    this.#messagesLeft = outputMessagesPerInterval;
    for (const { relay } of this.#live.values()) relay.flush();
  }

  #begin(callId: string, live: LiveRun): void {
    this.#live.set(callId, live);
    this.#flushing ??= setInterval(() => this.#flush(), outputIntervalMs);
  }

  #forget(callId: string): void {
    this.#live.delete(callId);
    if (this.#live.size > 0) return;
    clearInterval(this.#flushing);
    this.#flushing = undefined;
  }

  /** False: not now. */
  #send(send: () => boolean): boolean {
    if (this.#isStreamFull || this.#messagesLeft <= 0) return false;
    this.#messagesLeft -= 1;
    this.#isStreamFull = !send();
    return true;
  }

  async #run({ lease, call, bytesMax: bytesAsked, sandbox }: Run, events: CallEvents): Promise<void> {
    const { callId, tool, argumentsJson } = call;
    const bytesMax = Math.min(bytesAsked, callBytesMaxMax);
    const beganAtMs = this.#clock.nowMs();
    const span = this.#telemetry.span('executor.call', SpanRole.server, parseTraceContext(call.traceparent), {
      'sallyport.call_id': callId,
      'sallyport.tool': tool,
    });
    // Half for output: the limit holds for output and answer together, and the answer is what counts.
    const relay = new OutputRelay(Math.floor(bytesMax / 2), (data) =>
      this.#send(() => events.output(lease, callId, data)),
    );
    const live: LiveRun = { controller: new AbortController(), relay, cause: undefined };
    this.#begin(callId, live);
    const deadline = setTimeout(() => this.abort(callId, 'deadline'), call.deadlineMs);
    const { signal } = live.controller;
    const onOutput = (data: Uint8Array) => relay.push(data);
    const result =
      sandbox === undefined
        ? lostWith('sandbox_died')
        : await Promise.race([
            this.#runner
              .run(sandbox, { name: tool, argumentsJson }, { signal, onOutput })
              .catch((error: unknown) => this.#failed(error)),
            stuckAfter(signal),
          ]);
    clearTimeout(deadline);
    relay.flush();
    relay.end();
    this.#forget(callId);
    const { outcome, code, text, isError, detail } = this.#verdict(result, live.cause);
    const durationMs = Math.round(this.#clock.nowMs() - beganAtMs);
    const answerText = cutText(text, bytesMax - relay.sentBytes);
    this.#signals.callEnded({ outcome, code, tool, durationMs, outputDroppedBytes: relay.droppedBytes });
    if (detail !== undefined) this.#signals.callNotRun(lease, callId, code, detail);
    span.set({ 'sallyport.outcome': outcome });
    span.end(outcome === 'done' ? undefined : code);
    events.callEnded({ lease, callId, outcome, text: answerText, isError, code, durationMs });
    if (result === stuck) events.callStuck(lease);
  }

  #verdict(result: ToolResult | typeof stuck, cause: AbortCause | undefined): ToolResult {
    if (result !== stuck && result.outcome !== 'cancelled') return result;
    const text = result === stuck ? '' : result.text;
    return { text, isError: true, ...aborted[cause ?? 'cancelled'] };
  }

  #failed(error: unknown): ToolResult {
    this.#signals.bug(error);
    return lostWith('executor_failed');
  }
}

function lostWith(code: string): ToolResult {
  return { outcome: 'lost', text: '', isError: true, code };
}

/** Resolves where the run outlives its abort. */
function stuckAfter(signal: AbortSignal): Promise<typeof stuck> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => setTimeout(() => resolve(stuck), abortMsMax).unref(), { once: true });
  });
}

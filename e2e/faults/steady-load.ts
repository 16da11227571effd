import { randomBytes } from 'node:crypto';
import { callBody, modernHeaders } from '../harness/mcp.ts';

export interface LoadedCall {
  /** Empty where the gateway gave none. */
  readonly callId: string;
  /** 0: the connection broke. */
  readonly status: number;
  /** The gateway's code where there is one. */
  readonly code: string;
  readonly tookMs: number;
}

export interface LoadTarget {
  readonly url: string;
  readonly key: string;
  readonly tool: string;
  readonly argumentsOf: (traceId: string) => unknown;
}

/** No call may take longer, whatever is killed: what is later than that hangs. */
const callMsMax = 60_000;
/** A gateway that is away is asked again after so long. */
const awayMs = 50;

const repeatMark = 'this-ran-before';

/** A command that says whether it has run before in its sandbox. */
export function commandOnce(traceId: string): { readonly command: string } {
  return { command: `grep -qs ${traceId} effects && echo ${repeatMark}; echo ${traceId} >> effects` };
}

/** Calls one after the other on each lane, until it is told to stop. What became of each is kept by its trace. */
export class SteadyLoad {
  readonly calls = new Map<string, LoadedCall>();
  readonly hung: string[] = [];
  /** Calls whose own command found that it had run before. */
  readonly repeated: string[] = [];
  readonly #target: LoadTarget;
  readonly #running: Promise<void[]>;
  #stopped = false;
  #succeeded = 0;

  constructor(target: LoadTarget, lanes: number) {
    this.#target = target;
    this.#running = Promise.all(Array.from({ length: lanes }, () => this.#lane()));
  }

  get succeeded(): number {
    return this.#succeeded;
  }

  /** The longest that any call took, refused or not. */
  get slowestMs(): number {
    let slowest = 0;
    for (const { tookMs } of this.calls.values()) slowest = Math.max(slowest, tookMs);
    return slowest;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #lane(): Promise<void> {
    while (!this.#stopped) {
      const traceId = randomBytes(16).toString('hex');
      const startedMs = performance.now();
      const call = { ...(await this.#call(traceId)), tookMs: Math.round(performance.now() - startedMs) };
      this.calls.set(traceId, call);
      if (call.status === 200) this.#succeeded += 1;
      else await new Promise((resolve) => setTimeout(resolve, awayMs));
    }
  }

  async #call(traceId: string): Promise<Omit<LoadedCall, 'tookMs'>> {
    const { url, key, tool, argumentsOf } = this.#target;
    const body = callBody(tool, argumentsOf(traceId));
    const startedMs = performance.now();
    let callId = '';
    let status = 0;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01`,
          ...modernHeaders('tools/call', tool),
        },
        body,
        signal: AbortSignal.timeout(callMsMax),
      });
      callId = response.headers.get('sallyport-call-id') ?? '';
      const text = await response.text();
      ({ status } = response);
      const code = /"code":"([a-z_]+)"/.exec(text)?.[1] ?? '';
      if (text.includes(repeatMark)) this.repeated.push(callId);
      // An event stream that was cut has no answer in it.
      if (status === 200 && !/"(?:result|error)":/.test(text)) status = 0;
      else if (status === 200 && /"error":/.test(text)) status = 599;
      return { callId, status, code };
    } catch {
      if (performance.now() - startedMs >= callMsMax) this.hung.push(callId === '' ? traceId : callId);
      return { callId, status: 0, code: '' };
    }
  }
}

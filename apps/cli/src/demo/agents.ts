import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export interface ToolAnswer {
  readonly text: string;
  readonly isError: boolean;
  /** Of the header `sallyport-call-id`. */
  readonly callId: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: number, total: number | undefined) => void;
}

/** An agent of the demo: an official MCP client, and the ids under which the router recorded its calls. */
export interface Agent {
  readonly name: string;
  tools(): Promise<readonly string[]>;
  /** Rejects where the protocol answers with an error. */
  call(tool: string, args: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<ToolAnswer>;
  /** Of the call that was begun last; undefined where the router named none. */
  lastCallId(): string | undefined;
  close(): Promise<void>;
}

const clientInfo = { name: 'sallyport-demo', version: '0.1.0' };
const callMsMax = 60_000;
const settleMsMax = 5_000;
const pollMs = 50;
const callIdHeader = 'sallyport-call-id';

/** The v1 SDK, which speaks protocol 2025-11-25. */
export async function legacyAgent(url: string, apiKey: string): Promise<Agent> {
  const calls = new CallIds();
  const client = new LegacyClient(clientInfo);
  await client.connect(new LegacyTransport(new URL(url), { requestInit: authorized(apiKey), fetch: calls.fetch }));
  return {
    name: 'MCP SDK v1, protocol 2025-11-25',
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, options = {}) =>
      calls.answer(await client.callTool({ name, arguments: args }, undefined, requestOptions(options))),
    lastCallId: () => calls.last,
    close: () => calls.settled().then(() => client.close()),
  };
}

/** The v2 SDK, held to protocol 2026-07-28. */
export async function modernAgent(url: string, apiKey: string): Promise<Agent> {
  const calls = new CallIds();
  const client = new ModernClient(clientInfo, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(new ModernTransport(new URL(url), { requestInit: authorized(apiKey), fetch: calls.fetch }));
  return {
    name: 'MCP SDK v2, protocol 2026-07-28',
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, options = {}) =>
      calls.answer(await client.callTool({ name, arguments: args }, requestOptions(options))),
    lastCallId: () => calls.last,
    close: () => calls.settled().then(() => client.close()),
  };
}

/** Sees the answers on their way to the SDK. */
class CallIds {
  last: string | undefined;
  #posting = 0;

  readonly fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const weight = init?.method === 'POST' ? 1 : 0;
    this.#posting += weight;
    try {
      const response = await fetch(input, init);
      this.last = response.headers.get(callIdHeader) ?? this.last;
      return response;
    } finally {
      this.#posting -= weight;
    }
  };

  /** Resolves when every message that was sent has been accepted: closing a client drops what is on its way, a cancellation too. */
  async settled(): Promise<void> {
    for (const until = Date.now() + settleMsMax; ;) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      if (this.#posting === 0 || Date.now() >= until) return;
    }
  }

  answer(result: Readonly<Record<string, unknown>>): ToolAnswer {
    const content = Array.isArray(result['content']) ? (result['content'] as readonly { text?: unknown }[]) : [];
    const text = content.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
    return { text, isError: result['isError'] === true, callId: this.last ?? '' };
  }
}

function authorized(apiKey: string): RequestInit {
  return { headers: { authorization: `Bearer ${apiKey}` } };
}

function requestOptions({ signal, onProgress }: CallOptions) {
  return {
    timeout: callMsMax,
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined
      ? {}
      : {
          onprogress: ({ progress, total }: { progress: number; total?: number | undefined }) =>
            onProgress(progress, total),
        }),
  };
}

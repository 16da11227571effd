import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createLogger } from '@sallyport/telemetry';
import { SchedulerSessionTools } from '../adapters/grpc/scheduler-session-tools.ts';
import type { RelayServerConfig } from '../adapters/http/relay-server.ts';
import { RelayBed } from './relay-bed.ts';
import { ScriptedScheduler } from './scripted-scheduler.ts';

export const sessionId = 'sesn_00000000000000000000000001';
const log = createLogger('router', { level: 'silent' });

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The last JSON-RPC message of the answer, out of JSON or out of a stream. */
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are compared with expectations, field by field
  readonly message: any;
}

/** A router's HTTP side with a real gRPC client behind it, and a scheduler that the test plays. */
export class SessionBed {
  readonly relay: RelayBed;
  readonly scheduler: ScriptedScheduler;
  /** Of every answer to an official client. */
  readonly callIds: (string | null)[] = [];
  readonly #closing: (() => Promise<void>)[] = [];

  private constructor(relay: RelayBed, scheduler: ScriptedScheduler) {
    this.relay = relay;
    this.scheduler = scheduler;
  }

  static async start(config: Partial<RelayServerConfig> = {}, callMsMax = 60_000): Promise<SessionBed> {
    const scheduler = await ScriptedScheduler.start();
    const tools = new SchedulerSessionTools(scheduler.channel, callMsMax, log);
    return new SessionBed(await new RelayBed(config, {}, tools).start(), scheduler);
  }

  url(session = sessionId): URL {
    return new URL(`http://127.0.0.1:${this.relay.port}/v1/sessions/${session}/mcp`);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#closing.map((close) => close()));
    await this.relay.stop();
    await this.scheduler.stop();
  }

  async legacyClient(key = 'sk-alice', session = sessionId): Promise<LegacyClient> {
    const client = new LegacyClient({ name: 'v1', version: '1' });
    const options = { requestInit: { headers: { authorization: `Bearer ${key}` } }, fetch: this.#fetch };
    await client.connect(new LegacyTransport(this.url(session), options));
    this.#closing.push(() => client.close());
    return client;
  }

  async modernClient(key = 'sk-alice', session = sessionId): Promise<ModernClient> {
    const client = new ModernClient(
      { name: 'v2', version: '2' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    const options = { requestInit: { headers: { authorization: `Bearer ${key}` } }, fetch: this.#fetch };
    await client.connect(new ModernTransport(this.url(session), options));
    this.#closing.push(() => client.close());
    return client;
  }

  async post(body: string, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<Answered> {
    const response = await fetch(this.url(headers['x-session']), {
      method: 'POST',
      body,
      headers: {
        authorization: 'Bearer sk-alice',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      ...(signal === undefined ? {} : { signal }),
    });
    const text = await response.text();
    const data = text.startsWith('{') ? text : text.slice(text.lastIndexOf('data: ') + 6);
    const message: unknown = data.trim().startsWith('{') ? JSON.parse(data) : undefined;
    return { status: response.status, headers: response.headers, text, message };
  }

  readonly #fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    if (typeof init?.body === 'string' && init.body.includes('"tools/call"'))
      this.callIds.push(response.headers.get('sallyport-call-id'));
    return response;
  };
}

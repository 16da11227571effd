import { EventEmitter, once } from 'node:events';
import { Duplex } from 'node:stream';
import { Metadata } from '@grpc/grpc-js';
import {
  encodeResponseHeaders,
  originMeta,
  responseHeadersHeader,
  responseMetaHeader,
} from '@sallyport/connector-wire';
import type { tunnel } from '@sallyport/contracts';
import { Telemetry } from '@sallyport/telemetry';
import { describe, expect, it } from 'vitest';
import { HttpRequestCall } from './http-request-call.ts';

type Dependencies = ConstructorParameters<typeof HttpRequestCall>[0];
type Call = ConstructorParameters<typeof HttpRequestCall>[1];

/** What a connector sends, in the order that the test gives it. */
class ScriptedStream extends Duplex {
  readonly rstCode = 0;
  readonly session = { destroyed: false };
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
  close(): void {}
}

/** The router's side of the gRPC call. */
class ScriptedCall extends EventEmitter {
  readonly metadata = new Metadata();
  readonly written: tunnel.SendHttpRequestResponse['message'][] = [];
  write({ message }: tunnel.SendHttpRequestResponse): boolean {
    this.written.push(message);
    return true;
  }
  end(): void {
    this.emit('finished');
  }
  pause(): void {}
  resume(): void {}
}

describe('an HTTP request in transport mode', () => {
  it('keeps data that Node emits before the head it came with', async () => {
    const stream = new ScriptedStream();
    const call = new ScriptedCall();
    const dependencies = {
      connections: { pick: () => ({ open: () => ({ ok: true, value: stream }), ended: undefined }) },
      streams: { openTimeoutMs: 1_000, responseHeaderTimeoutMs: 1_000 },
      signals: { streamEnded: () => undefined },
      telemetry: Telemetry.start('edge', { sampleRatio: 1, metricsIntervalMs: 60_000 }),
    } as unknown as Dependencies;
    const carried = new HttpRequestCall(dependencies, call as unknown as Call);
    const head = { tunnelId: 'tnl_1', method: 'POST', authority: 'app.acme.tunnel.test', path: '/', headers: [] };
    call.emit('data', {
      message: { $case: 'head', value: { ...head, clientIp: '', websocket: false, endOfBody: true } },
    });
    const finished = once(call, 'finished');
    stream.push('payload');
    await new Promise((resolve) => setImmediate(resolve));
    const block = encodeResponseHeaders([['content-type', 'application/json']]);
    stream.emit('response', {
      ':status': 200,
      [responseHeadersHeader]: block.ok ? block.value : '',
      [responseMetaHeader]: originMeta,
    });
    stream.push(null);
    await finished;
    expect(carried).toBeInstanceOf(HttpRequestCall);
    expect(call.written).toEqual([
      { $case: 'head', value: expect.objectContaining({ status: 200 }) },
      { $case: 'data', value: Buffer.from('payload') },
    ]);
  });
});

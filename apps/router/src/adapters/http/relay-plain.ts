import type { Readable } from 'node:stream';
import { SseRelayScanner } from '@sallyport/mcp-wire';
import type { UpstreamResponse } from '../../ports/upstreams.ts';
import type { ClientResponse } from './client-response.ts';

/** `encoded` and `other` cannot be looked into: compressed, of a foreign type, or of two types at once. */
export type BodyKind = 'event_stream' | 'json' | 'encoded' | 'other';

export function bodyKind({ headers }: UpstreamResponse): BodyKind {
  let type: string | undefined;
  let types = 0;
  for (const [name, value] of headers) {
    if (name === 'content-encoding' && !/^(?:identity)?$/i.test(value)) return 'encoded';
    if (name !== 'content-type') continue;
    type = value;
    types += 1;
  }
  if (types !== 1 || type === undefined) return 'other';
  if (/^text\/event-stream\s*(;|$)/i.test(type)) return 'event_stream';
  return /^application\/json\s*(;|$)/i.test(type) ? 'json' : 'other';
}

/** Passes a response on as it comes: messages that are no calls, and streams that answer nothing. */
export async function relayPlain(upstream: UpstreamResponse, client: ClientResponse): Promise<void> {
  const scanner = bodyKind(upstream) === 'event_stream' ? new SseRelayScanner(undefined) : undefined;
  client.head(upstream.status, upstream.headers);
  if (scanner !== undefined) {
    client.flushHead();
    client.keepAlive(() => scanner.isBetweenEvents);
  }
  await pump(upstream.body, (chunk) => {
    scanner?.push(chunk);
    return client.write(chunk) ? undefined : client.drained();
  });
  if (upstream.body.readableEnded) client.end();
  else client.cut();
}

/**
 * Hands every chunk to `take`, one after the other, and resolves when the body has ended or was broken off: `readableEnded` tells which. While
 * `take` is pending the upstream is not read, so a slow client slows the upstream and no buffer grows. Rejects where `take` fails.
 */
export function pump(body: Readable, take: (chunk: Buffer) => Promise<void> | void): Promise<void> {
  if (body.readableEnded || body.destroyed) return Promise.resolve(); // an empty body may end before anyone listens
  return new Promise((resolve, reject) => {
    let taking: Promise<void> | undefined;
    let closed = false;
    const finish = () => {
      closed = true;
      if (taking === undefined) resolve();
    };
    const broke = (error: unknown) => {
      body.destroy();
      reject(error instanceof Error ? error : new Error('the relay broke'));
    };
    body.on('data', (chunk: Buffer) => {
      let pending: Promise<void> | void;
      try {
        pending = take(chunk);
      } catch (error) {
        broke(error);
        return;
      }
      if (pending === undefined) return;
      body.pause();
      taking = pending.then(() => {
        taking = undefined;
        if (closed) resolve();
        else body.resume();
      }, broke);
    });
    body.once('end', finish);
    body.once('close', finish);
    body.on('error', () => undefined); // `close` follows; the response knows why
  });
}

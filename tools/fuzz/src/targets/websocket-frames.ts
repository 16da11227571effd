import assert from 'node:assert/strict';

import { encodeWebsocketFrame, opcode, WebsocketFrameDecoder } from '@sallyport/connector-wire';

import { chunkings } from '../chunkings.ts';

export const bytesMax = 4096;

interface Seen {
  readonly data: string;
  readonly signals: readonly string[];
  readonly refusal: string | undefined;
}

function decode(peer: 'client' | 'server', chunks: readonly Buffer[]): Seen {
  const data: Buffer[] = [];
  const signals: string[] = [];
  const decoder = new WebsocketFrameDecoder(peer, {
    data: (bytes) => void data.push(Buffer.from(bytes)),
    ping: (payload) => void signals.push(`ping ${payload.toString('hex')}`),
    close: (code) => void signals.push(`close ${code}`),
  });
  let refusal: string | undefined;
  for (const chunk of chunks) {
    // The decoder unmasks in place, so each reading needs bytes of its own.
    refusal = decoder.push(Buffer.from(chunk));
    if (refusal !== undefined) {
      assert.equal(decoder.push(Buffer.from('8200', 'hex')), refusal, 'a refused stream goes on');
      break;
    }
  }
  return { data: Buffer.concat(data).toString('hex'), signals, refusal };
}

/** Frames of a byte stream in WebSocket messages, from either side; and the same bytes as a payload of our own. */
export function fuzz(bytes: Uint8Array): void {
  for (const peer of ['client', 'server'] as const) {
    const whole = decode(peer, [Buffer.from(bytes)]);
    assert.ok(whole.data.length <= 2 * bytes.length, 'more came out than went in');
    assert.ok(whole.signals.length <= bytes.length / 2, 'more frames than bytes');
    for (const chunks of chunkings(bytes)) assert.deepEqual(decode(peer, chunks), whole);
    const framed = encodeWebsocketFrame(opcode.binary, bytes, peer === 'client' ? 0x37fa213d : undefined);
    const data = Buffer.from(bytes).toString('hex');
    assert.deepEqual(decode(peer, [framed]), { data, signals: [], refusal: undefined });
  }
}

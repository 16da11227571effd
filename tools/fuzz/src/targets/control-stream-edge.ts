import assert from 'node:assert/strict';

import {
  ConnectorControlSession,
  type EdgeControlEvent,
  EdgeControlSession,
  messageBytesMax,
} from '@sallyport/connector-wire';

import { chunkings } from '../chunkings.ts';
import { refusesAfterDecoding } from '../control-refusals.ts';

export const bytesMax = 4096;

/** Bytes of a message that one message may be made to visit, shared targets counted each time. */
const visitedBytesMax = 4 * messageBytesMax;

interface Outcome {
  readonly events: readonly EdgeControlEvent[];
  readonly refusal: string | undefined;
}

function receive(chunks: readonly Buffer[]): Outcome {
  const session = new EdgeControlSession();
  const events: EdgeControlEvent[] = [];
  for (const chunk of chunks) {
    const received = session.receive(chunk);
    if (!received.ok) return { events, refusal: received.reason };
    events.push(...received.value);
  }
  return { events, refusal: undefined };
}

/** The control stream as an edge reads it, from a hostile connector. */
export function fuzz(bytes: Uint8Array): void {
  const whole = receive([Buffer.from(bytes)]);
  for (const chunks of chunkings(bytes)) {
    const split = receive(chunks);
    assert.equal(split.refusal, whole.refusal);
    if (whole.refusal === undefined) assert.deepEqual(split.events, whole.events);
    for (const event of split.events) checkEvent(event, bytes.length);
  }
}

function checkEvent(event: EdgeControlEvent, inputBytes: number): void {
  if (event.type === 'reply') {
    assert.ok(event.bytes.length <= inputBytes + 1024, 'a reply is far longer than what it answers');
    const read = new ConnectorControlSession().receive(event.bytes);
    assert.ok(read.ok || refusesAfterDecoding(read.reason), 'a reply of ours is not readable');
  }
  if (event.type === 'register') checkRegistration(event);
  if (event.type === 'local-configuration') assert.ok(event.json.length <= inputBytes);
}

/** What was read from any bytes is written by our own connector, and read again as the same. */
function checkRegistration({ request }: Extract<EdgeControlEvent, { type: 'register' }>): void {
  const texts = [request.accountTag, request.version, request.architecture, ...request.features];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  assert.ok(length <= visitedBytesMax, 'more text than a message may visit');
  if (length > messageBytesMax / 8) return;
  const sent = new ConnectorControlSession().start(request);
  const again = new EdgeControlSession().receive(sent);
  assert.ok(again.ok, 'a registration of ours is refused');
  const registered = again.value.find((event) => event.type === 'register');
  assert.deepEqual(registered?.request, request);
}

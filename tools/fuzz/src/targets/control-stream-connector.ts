import assert from 'node:assert/strict';

import {
  type ConnectorControlEvent,
  ConnectorControlSession,
  EdgeControlSession,
  messageBytesMax,
} from '@sallyport/connector-wire';

import { chunkings } from '../chunkings.ts';
import { refusesAfterDecoding } from '../control-refusals.ts';

export const bytesMax = 4096;

const registration = {
  accountTag: 'account',
  tunnelSecret: Buffer.alloc(32, 1),
  tunnelUuid: Buffer.alloc(16, 2),
  connectionIndex: 0,
  clientUuid: Buffer.alloc(16, 3),
  features: ['one'],
  version: '1',
  architecture: 'linux_amd64',
  originLocalIp: Buffer.alloc(0),
  previousAttempts: 0,
};

interface Outcome {
  readonly events: readonly ConnectorControlEvent[];
  readonly refusal: string | undefined;
}

/** A connector that has asked everything it can: questions 0 to 3 are open. */
function receive(chunks: readonly Buffer[]): Outcome {
  const session = new ConnectorControlSession();
  session.start(registration);
  session.sendLocalConfiguration(Buffer.from('{}'));
  session.unregister();
  const events: ConnectorControlEvent[] = [];
  for (const chunk of chunks) {
    const received = session.receive(chunk);
    if (!received.ok) return { events, refusal: received.reason };
    events.push(...received.value);
  }
  return { events, refusal: undefined };
}

/** The control stream as a connector reads it, from a hostile edge. */
export function fuzz(bytes: Uint8Array): void {
  const whole = receive([Buffer.from(bytes)]);
  for (const chunks of chunkings(bytes)) {
    const split = receive(chunks);
    assert.equal(split.refusal, whole.refusal);
    if (whole.refusal === undefined) assert.deepEqual(split.events, whole.events);
    for (const event of split.events) checkEvent(event);
  }
}

function checkEvent(event: ConnectorControlEvent): void {
  if (event.type === 'reply') {
    const read = new EdgeControlSession().receive(event.bytes);
    assert.ok(read.ok || refusesAfterDecoding(read.reason), 'a reply of ours is not readable');
    return;
  }
  if (event.type !== 'registered' && event.type !== 'refused') return;
  const edge = new EdgeControlSession();
  const sent =
    event.type === 'registered' ? edge.acceptRegistration(1, event.details) : edge.refuseRegistration(1, event.refusal);
  if (sent.length > messageBytesMax) return;
  assert.deepEqual(receive([sent]).events[0], event, 'what was read is not read again from what we write');
}

import { canonicalize, entryBytesMax, leafHash } from '@sallyport/transparency-log';
import { describe, expect, it } from 'vitest';
import { readRecord } from './read-record.ts';

const read = (value: string) => readRecord({ offset: 7n, value });
/** An envelope as the writers make them, with little in it. */
function envelope(number: number, change: object = {}): string {
  const text = canonicalize({
    specversion: '1.0',
    id: `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`,
    source: 'router/1',
    type: 'sallyport.toolcall.requested.v1',
    time: '2026-11-23T10:00:00.003Z',
    sequence: String(number).padStart(20, '0'),
    data: {
      callId: `call_${number}`,
      seq: 1,
      phase: 'requested',
      workspaceId: 'wrkspc_1',
      actor: { principalId: 'apikey_1' },
      tool: { name: 'echo' },
      route: { tunnelId: 'tnl_1' },
    },
    ...change,
  });
  if (!text.ok) throw new Error(text.reason);
  return text.value;
}
const changed = (change: object) => envelope(1, change);

describe('reading a record', () => {
  it('takes what the ledger searches for from the envelope', () => {
    const value = envelope(3);
    expect(read(value)).toEqual({
      kind: 'event',
      offset: 7n,
      hash: leafHash(value),
      body: value,
      eventId: '00000000-0000-7000-8000-000000000003',
      source: 'router/1',
      sequence: 3,
      fields: {
        type: 'sallyport.toolcall.requested.v1',
        time: '2026-11-23T10:00:00.003Z',
        callId: 'call_3',
        seq: 1,
        phase: 'requested',
        workspace: 'wrkspc_1',
        tunnel: 'tnl_1',
        tool: 'echo',
        principal: 'apikey_1',
      },
    });
  });

  it('takes the fields of control events from where they stand', () => {
    const data = { actorId: 'apikey_2', workspaceId: 'wrkspc_2', tunnelId: 'tnl_2' };
    expect(read(changed({ data }))).toMatchObject({
      fields: {
        workspace: 'wrkspc_2',
        tunnel: 'tnl_2',
        principal: 'apikey_2',
        callId: '',
        seq: 0,
        phase: '',
        tool: '',
      },
    });
  });

  it.each([
    ['text that is not JSON', 'hello', 'not-json'],
    ['nothing', '', 'not-json'],
    ['a raw NUL', '{"a":"\0"}', 'not-json'],
    ['a number', '5', 'not-an-envelope'],
    ['an array', '[]', 'not-an-envelope'],
    ['another spelling of the same value', ` ${envelope(1)}`, 'not-canonical'],
    ['a duplicate key', envelope(1).replace('{', '{"id":"x",'), 'not-canonical'],
    ['a lone surrogate', '{"a":"\\ud800"}', 'not-canonical'],
    ['a fraction', '{"a":0.5}', 'not-canonical'],
    ['another version', changed({ specversion: '2.0' }), 'not-an-envelope'],
    ['an id that is no UUID', changed({ id: 'x' }), 'not-an-envelope'],
    ['an upper case id', changed({ id: '00000000-0000-7000-8000-00000000000A' }), 'not-an-envelope'],
    ['no source', changed({ source: null }), 'not-an-envelope'],
    ['a NUL in the type', changed({ type: 'a\0' }), 'not-an-envelope'],
    ['no sequence', changed({ sequence: 1 }), 'not-an-envelope'],
    ['sequence 0', changed({ sequence: '0'.repeat(20) }), 'not-an-envelope'],
    ['a sequence beyond 2^53', changed({ sequence: '9'.repeat(20) }), 'not-an-envelope'],
    ['30 February', changed({ time: '2026-02-30T00:00:00Z' }), 'not-an-envelope'],
    ['hour 24', changed({ time: '2026-02-01T24:00:00Z' }), 'not-an-envelope'],
    ['second 60', changed({ time: '2026-06-30T23:59:60Z' }), 'not-an-envelope'],
    ['a time with another offset', changed({ time: '2026-02-01T10:00:00+01:00' }), 'not-an-envelope'],
    ['no data', changed({ data: 1 }), 'not-an-envelope'],
  ])('gives %s a leaf over its raw bytes', (_, value, reason) => {
    const leaf = Buffer.from(value);
    expect(read(value)).toEqual({ kind: 'unparseable', offset: 7n, hash: leafHash(leaf), reason, leaf });
  });

  it('leaves out of the search what it cannot hold, never out of the leaf', () => {
    const data = { callId: 'a\0b', seq: 2 ** 31, phase: 5, workspaceId: 'x'.repeat(257), tool: { name: null } };
    const value = changed({ data });
    expect(read(value)).toMatchObject({
      kind: 'event',
      body: value,
      fields: { callId: '', seq: 0, phase: '', workspace: '', tool: '', tunnel: '', principal: '' },
    });
  });

  it('notes what does not fit a leaf', () => {
    const value = `"${'ü'.repeat(entryBytesMax / 2)}"`;
    expect(read(value)).toMatchObject({
      kind: 'unparseable',
      reason: 'too-large',
      leaf: Buffer.from(`{"bytes":65536,"offset":"7","type":"sallyport.ledger.too_large.v1"}`),
    });
    expect(read(`"${'x'.repeat(entryBytesMax)}"`)).toMatchObject({ reason: 'too-large' });
  });
});

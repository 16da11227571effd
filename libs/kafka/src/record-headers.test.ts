import { describe, expect, it } from 'vitest';
import { leafHashOf, recordHeaders } from './record-headers.ts';

const hash = (text: string) => leafHashOf(Buffer.from(text));

describe('leafHashOf', () => {
  it('is SHA-256 over a zero byte and the value, as in RFC 6962', () => {
    // The leaf hash of the empty entry, as in the test vectors of Certificate Transparency.
    expect(hash('')).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
    expect(hash('a')).not.toBe(hash('b'));
  });
});

describe('recordHeaders', () => {
  it('repeats the attributes that are texts, and nothing else of the event', () => {
    const event = { id: 'i', type: 't', source: 's', time: 'now', data: { secret: 'x' }, subject: 'call/1' };
    expect(recordHeaders(Buffer.from(JSON.stringify(event)))).toEqual({
      'content-type': 'application/cloudevents+json; charset=UTF-8',
      leafhash: hash(JSON.stringify(event)),
      ce_id: 'i',
      ce_type: 't',
      ce_source: 's',
      ce_time: 'now',
    });
  });

  it.each(['', 'NULL', 'null', '[]', '"text"', '{', '{"id":7}'])('carries %j without them', (text) => {
    expect(Object.keys(recordHeaders(Buffer.from(text))).sort()).toEqual(['content-type', 'leafhash']);
  });
});

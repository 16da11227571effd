import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from './page-cursor.ts';

const topics = ['a', 'b'];

describe('page cursors', () => {
  it('come back as they were', () => {
    const cursor = new Map([
      ['a', 5],
      ['b', 0],
    ]);
    expect(decodeCursor(encodeCursor(cursor), topics)).toEqual({ ok: true, value: cursor });
  });

  it.each([
    ['nothing', ''],
    ['noise', '%%%%'],
    [
      'another topic',
      encodeCursor(
        new Map([
          ['a', 1],
          ['c', 1],
        ]),
      ),
    ],
    ['a missing topic', encodeCursor(new Map([['a', 1]]))],
    ['a topic twice', Buffer.from('[["a",1],["a",2]]').toString('base64url')],
    ['a fraction', Buffer.from('[["a",1.5],["b",2]]').toString('base64url')],
    ['a text', Buffer.from('[["a","1"],["b",2]]').toString('base64url')],
    ['numbers', Buffer.from('[1,2]').toString('base64url')],
    ['null', Buffer.from('null').toString('base64url')],
    ['too much', 'x'.repeat(1025)],
  ])('refuse %s', (_, token) => {
    expect(decodeCursor(token, topics)).toEqual({ ok: false, reason: 'page' });
  });
});

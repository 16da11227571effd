import { expect, it } from 'vitest';
import { decodeCursor, encodeCursor } from './page-cursor.ts';

it('comes back as it was made', () => {
  const cursor = { createdAt: '2026-11-23T12:00:00.000Z', id: 'tnl_01abc' };
  expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor);
});

it.each([
  ['no base 64', '***'],
  ['no JSON', Buffer.from('x').toString('base64url')],
  ['another shape', Buffer.from('{"createdAt":1}').toString('base64url')],
  ['a time that only JavaScript reads', encodeCursor({ createdAt: 'Jan 1 2026 (x)', id: 'a' })],
  ['a time that is none', encodeCursor({ createdAt: '2026-99-01T00:00:00.000Z', id: 'a' })],
  ['an id that no text column holds', encodeCursor({ createdAt: '2026-11-23T12:00:00.000Z', id: 'a\0' })],
])('is none of ours: %s', (_, text) => {
  expect(decodeCursor(text)).toBeUndefined();
});

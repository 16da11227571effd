import { expect, it } from 'vitest';

import { frameSseMessage, reframeSseEvent } from './sse-framing.ts';

it('frames a message', () => {
  expect(frameSseMessage(Buffer.from('{"a":"é"}')).toString()).toBe('event: message\ndata: {"a":"é"}\n\n');
});

it('keeps every other line and the line endings', () => {
  const raw = Buffer.from(': c\r\nevent: message\r\ndata: {\r\nid: 9\r\ndata: }\r\n\r\n');
  const framed = reframeSseEvent(raw, Buffer.from('{"x":\n1}'));
  expect(framed.toString()).toBe(': c\r\nevent: message\r\ndata: {"x":\r\ndata: 1}\r\nid: 9\r\n\r\n');
});

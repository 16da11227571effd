import { describe, expect, it } from 'vitest';

import { type SseEvent, SseEventReader, type SseOversizedPiece } from './sse-event-reader.ts';

function read(text: string | Buffer, eventBytesMax = 1000) {
  const reader = new SseEventReader(eventBytesMax);
  const items = reader.push(Buffer.from(text));
  return { items, rest: reader.rest().toString() };
}

function show(item: SseEvent | SseOversizedPiece): object {
  const { raw, ...others } = item;
  const data = 'data' in others ? { data: others.data?.toString() } : {};
  return { ...others, ...data, raw: raw.toString('latin1') };
}

describe('cutting a stream into events', () => {
  it.each([
    ['LF', 'data: a\n\n', [{ type: 'event', data: 'a', raw: 'data: a\n\n' }]],
    ['CRLF', 'data: a\r\n\r\n', [{ type: 'event', data: 'a', raw: 'data: a\r\n\r\n' }]],
    [
      'CR',
      'data: a\r\rdata: b\r\r',
      [
        { type: 'event', data: 'a', raw: 'data: a\r\r' },
        { type: 'event', data: 'b', raw: 'data: b\r\r' },
      ],
    ],
    [
      'mixed endings',
      'data: a\n\r\ndata:b\r\n\n',
      [
        { type: 'event', data: 'a', raw: 'data: a\n\r\n' },
        { type: 'event', data: 'b', raw: 'data:b\r\n\n' },
      ],
    ],
    [
      'all fields',
      'event: message\nid: 7\nretry: 1500\ndata: x\n\n',
      [
        {
          type: 'event',
          event: 'message',
          id: '7',
          retryMs: 1500,
          data: 'x',
          raw: 'event: message\nid: 7\nretry: 1500\ndata: x\n\n',
        },
      ],
    ],
    [
      'several data lines',
      'data: {\ndata\ndata: }\n\n',
      [{ type: 'event', data: '{\n\n}', raw: 'data: {\ndata\ndata: }\n\n' }],
    ],
    ['one space only', 'data:  x\n\n', [{ type: 'event', data: ' x', raw: 'data:  x\n\n' }]],
    [
      'empty data of a priming event',
      'id: 1\ndata:\n\n',
      [{ type: 'event', id: '1', data: '', raw: 'id: 1\ndata:\n\n' }],
    ],
    [
      'comments and unknown fields',
      ': ping\nfoo: bar\ndatum: 1\n\n',
      [{ type: 'event', raw: ': ping\nfoo: bar\ndatum: 1\n\n' }],
    ],
    [
      'a bad retry and a NUL id',
      'retry: 1s\nid: a\0b\ndata: x\n\n',
      [{ type: 'event', data: 'x', raw: 'retry: 1s\nid: a\0b\ndata: x\n\n' }],
    ],
    [
      'blank lines alone',
      '\n\n',
      [
        { type: 'event', raw: '\n' },
        { type: 'event', raw: '\n' },
      ],
    ],
  ])('%s', (_, text, events) => {
    const { items, rest } = read(text);
    expect(items.map(show)).toEqual(events);
    expect(rest).toBe('');
  });

  it('drops a leading byte order mark from the field name and keeps it in the bytes', () => {
    const { items } = read('\ufeffdata: a\n\n');
    expect(items).toMatchObject([{ data: Buffer.from('a'), raw: Buffer.from('\ufeffdata: a\n\n') }]);
    const torn = new SseEventReader(100);
    expect(torn.push(Buffer.from([0xef]))).toEqual([]);
    expect(torn.push(Buffer.from('data: a\n\n')).map(show)).toMatchObject([{ raw: '\xefdata: a\n\n' }]);
  });

  it('keeps an event without its blank line as the rest', () => {
    expect(read('data: a\n\ndata: b\n').rest).toBe('data: b\n');
  });
});

describe('an event longer than the limit', () => {
  it('comes in pieces, without data, and the next one is read again', () => {
    const reader = new SseEventReader(20);
    const first = reader.push(Buffer.from(`data: ${'x'.repeat(40)}`));
    const second = reader.push(Buffer.from('yy\n\ndata: b\n\n'));
    expect([...first, ...second].map(show)).toEqual([
      { type: 'oversized', last: false, raw: `data: ${'x'.repeat(40)}` },
      { type: 'oversized', last: true, raw: 'yy\n\n' },
      { type: 'event', data: 'b', raw: 'data: b\n\n' },
    ]);
  });

  it('is told apart at the byte', () => {
    expect(read('data: 12345\n\n', 13).items[0]?.type).toBe('event');
    expect(read('data: 12345\n\n', 12).items[0]?.type).toBe('oversized');
  });

  it('ends when the limit was passed within a chunk that lacks its end', () => {
    const reader = new SseEventReader(4);
    expect(reader.push(Buffer.from('data: abc')).map(show)).toEqual([
      { type: 'oversized', last: false, raw: 'data: abc' },
    ]);
    expect(reader.push(Buffer.from('\n')).map(show)).toEqual([{ type: 'oversized', last: false, raw: '\n' }]);
    expect(reader.push(Buffer.from('\n')).map(show)).toEqual([{ type: 'oversized', last: true, raw: '\n' }]);
  });
});

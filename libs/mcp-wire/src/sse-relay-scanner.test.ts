import { describe, expect, it } from 'vitest';

import { parseJsonRpcId } from './json-rpc-id.ts';
import { SseRelayScanner } from './sse-relay-scanner.ts';

const awaited = parseJsonRpcId('7');

function marks(text: string, id = awaited) {
  return new SseRelayScanner(id).push(Buffer.from(text)).map(({ offset, verdict }) => [text.slice(offset), verdict]);
}

describe('marks', () => {
  it.each<[string, string, [string, string][]]>([
    ['the answer', 'data: {"id":7,"result":{}}\n\n', [['}\n\n', 'answer']]],
    [
      'the answer as an error',
      'event: message\r\ndata: {"id":7.0,"error":{"code":1}}\r\n\r\n',
      [['}\r\n\r\n', 'answer']],
    ],
    ['another id', 'data: {"id":"7","result":{}}\n\n', [['}\n\n', 'response']]],
    ['no id', 'data: {"error":{"code":1}}\n\n', [['}\n\n', 'response']]],
    ['a request', 'data: {"id":7,"method":"roots/list"}\n\n', [['}\n\n', 'request']]],
    ['a notification', 'data: {"method":"notifications/progress"}\n\n', [['}\n\n', 'notification']]],
    ['an event of any name', 'event: other\ndata: {"id":7,"result":{}}\n\n', [['}\n\n', 'answer']]],
    ['data over several lines', 'data: {"id":7,\ndata: "result":{}\ndata: }\n\n', [['}\n\n', 'answer']]],
    ['nothing', ': ping\n\nid: 1\ndata:\n\ndata: hello\n\ndata: 1\n\n', []],
    ['an object no one can act on', 'data: {"id":7}\n\n', []],
    ['an event that its stream does not end', 'data: {"id":7,"result":{}}', [['}', 'answer']]],
    ['a batch', 'data: [{"id":7,"result":{}}]\n\n', [['[{"id":7,"result":{}}]\n\n', 'malformed']]],
    ['a duplicate', 'data: {"id":1,"id":7,"result":{}}\n\n', [['":7,"result":{}}\n\n', 'malformed']]],
    ['a line end inside a string', 'data: {"id":"\ndata: 7"}\n\n', [[' 7"}\n\n', 'malformed']]],
    [
      'a message behind a message',
      'data: {"id":1,"result":{}}\ndata: {"id":7,"result":{}}\n\n',
      [
        ['}\ndata: {"id":7,"result":{}}\n\n', 'response'],
        ['{"id":7,"result":{}}\n\n', 'malformed'],
      ],
    ],
    [
      'two events',
      'data: {"method":"n"}\n\ndata: {"id":7,"result":{}}\n\n',
      [
        ['}\n\ndata: {"id":7,"result":{}}\n\n', 'notification'],
        ['}\n\n', 'answer'],
      ],
    ],
  ])('%s', (_, text, expected) => {
    expect(marks(text)).toEqual(expected);
  });

  it('goes on after a malformed event', () => {
    expect(marks('data: {"id":1,}\n\ndata: {"id":7,"result":{}}\n\n').map(([, verdict]) => verdict)).toEqual([
      'malformed',
      'answer',
    ]);
  });

  it('tells nothing an answer where none is awaited', () => {
    const scanner = new SseRelayScanner(undefined);
    expect(scanner.push(Buffer.from('data: {"id":7,"result":{}}\n\n'))).toMatchObject([{ verdict: 'response' }]);
  });

  it('reports what the message was, and the last event id', () => {
    const scanner = new SseRelayScanner(awaited);
    const found = scanner.push(Buffer.from('id: e1\ndata: {"id":7,"result":{"isError":true}}\n\n'));
    expect(found).toMatchObject([{ verdict: 'answer', message: { kind: 'result', isError: true } }]);
    expect(scanner.lastEventId).toBe('e1');
  });

  it('marks the last byte of an answer of 50 MB', () => {
    const scanner = new SseRelayScanner(awaited);
    expect(scanner.push(Buffer.from('data: {"result":{"content":[{"type":"text","text":"'))).toEqual([]);
    const chunk = Buffer.alloc(1 << 20, 'b');
    for (let count = 0; count < 50; count++) expect(scanner.push(chunk)).toEqual([]);
    expect(scanner.push(Buffer.from('"}]},"id":7'))).toEqual([]);
    expect(scanner.push(Buffer.from('}\n\n'))).toMatchObject([{ offset: 0, verdict: 'answer' }]);
  });

  it('knows when it stands between two events, whatever ends the lines', () => {
    const scanner = new SseRelayScanner(awaited);
    const after = (text: string) => {
      scanner.push(Buffer.from(text));
      return scanner.isBetweenEvents;
    };
    expect(scanner.isBetweenEvents).toBe(true);
    expect([after('data: a\n'), after('\n'), after('data: b\r\n\r'), after('\n')]).toEqual([false, true, true, true]);
    expect([after('data: c\n\r\n'), after('d'), after('\n'), after('\r')]).toEqual([true, false, false, true]);
    expect([after(': comment\n'), after('\n')]).toEqual([false, true]);
  });

  it('tells the text of a message up to its mark, however the stream is cut', () => {
    const stream = 'data: {"method":"n"}\n\nid: 7\ndata: {"id":7,\r\ndata:"result":{}}  \n\n';
    for (let cut = 1; cut < stream.length; cut += 1) {
      let text = '';
      const told: string[] = [];
      const scanner = new SseRelayScanner(awaited, {
        onData: (bytes, start, end) => (text += Buffer.from(bytes.subarray(start, end)).toString()),
        onMark: ({ verdict }) => told.push(`${verdict} ${text}`),
        onEventEnd: () => (text = ''),
      });
      scanner.push(Buffer.from(stream.slice(0, cut)));
      scanner.push(Buffer.from(stream.slice(cut)));
      expect(told).toEqual(['notification {"method":"n"}', 'answer {"id":7,\n"result":{}}']);
    }
  });
});

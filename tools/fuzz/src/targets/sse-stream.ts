import assert from 'node:assert/strict';

import {
  frameSseMessage,
  parseJsonRpcId,
  reframeSseEvent,
  type RelayMark,
  type SseEvent,
  SseEventReader,
  type SseOversizedPiece,
  SseRelayScanner,
} from '@sallyport/mcp-wire';

import { chunkings } from '../chunkings.ts';
import { jsonModel, memberOf } from '../json-model.ts';
import { type ModelEvent, sseModel } from '../sse-model.ts';

export const bytesMax = 4096;

const unlimited = 1_000_000;
const heldBytesMax = 64;
const idBytesMax = 1024;
const replacement = Buffer.from('{"jsonrpc":"2.0",\n"id":7}');

interface Reading {
  readonly items: readonly (SseEvent | SseOversizedPiece)[];
  readonly rest: Buffer;
}

function read(chunks: readonly Buffer[], eventBytesMax: number): Reading {
  const reader = new SseEventReader(eventBytesMax);
  const items = chunks.flatMap((chunk) => {
    const read = [...reader.push(chunk)];
    assert.ok(reader.heldBytes <= eventBytesMax, 'holds more than its limit');
    return read;
  });
  return { items, rest: reader.rest() };
}

/** Fields as one character a byte; an id or name that is no UTF-8 is compared as what it was replaced by. */
function meaning(item: SseEvent | SseOversizedPiece): ModelEvent {
  assert.equal(item.type, 'event');
  const { data, event, id, retryMs } = item;
  return {
    ...(data === undefined ? {} : { data: data.toString('latin1') }),
    ...(event === undefined ? {} : { event }),
    ...(id === undefined ? {} : { id }),
    ...(retryMs === undefined ? {} : { retryMs }),
  };
}

function decodedFields({ event, id, ...rest }: ModelEvent): ModelEvent {
  const decode = (text: string): string => Buffer.from(text, 'latin1').toString('utf8');
  return {
    ...rest,
    ...(event === undefined ? {} : { event: decode(event) }),
    ...(id === undefined ? {} : { id: decode(id) }),
  };
}

/** An event stream: its events as the standard reads them, every byte kept, marks at the same bytes however it is cut. */
export function fuzz(bytes: Uint8Array): void {
  const expected = sseModel(bytes).map(decodedFields);
  const cuts = [[Buffer.from(bytes)], ...chunkings(bytes)];
  for (const chunks of cuts) {
    const { items, rest } = read(chunks, unlimited);
    assert.deepEqual(items.map(meaning), expected);
    assert.ok(Buffer.concat([...items.map((item) => item.raw), rest]).equals(bytes), 'a byte was lost or added');
    const limited = read(chunks, heldBytesMax);
    assert.ok(Buffer.concat([...limited.items.map((item) => item.raw), limited.rest]).equals(bytes));
    if (chunks === cuts[0]) for (const item of items) checkReframed(item.raw, meaning(item));
  }
  const marks = cuts.map(marksOf);
  for (const found of marks) assert.deepEqual(found, marks[0]);
  checkAnswers(bytes, expected, marks[0] ?? []);
}

function marksOf(chunks: readonly Buffer[]): readonly { readonly at: number; readonly verdict: string }[] {
  const told: Buffer[] = [];
  const scanner = new SseRelayScanner(parseJsonRpcId('7'), {
    onData: (bytes, start, end) => void told.push(Buffer.from(bytes.subarray(start, end))),
    onMark: () => {},
    onEventEnd: () => {},
  });
  let before = 0;
  const marks = chunks.flatMap((chunk) => {
    const found = scanner.push(chunk).map(({ offset, verdict }: RelayMark) => ({ at: before + offset, verdict }));
    before += chunk.length;
    return found;
  });
  const toldBytes = told.reduce((sum, piece) => sum + piece.length, 0);
  assert.ok(toldBytes <= before, 'told of more than there was');
  return marks;
}

/** Each event that JSON.parse takes for the answer to request 7 is marked, at a closing brace. */
function checkAnswers(
  bytes: Uint8Array,
  events: readonly ModelEvent[],
  marks: readonly { readonly at: number; readonly verdict: string }[],
): void {
  const answers = marks.filter((mark) => mark.verdict === 'answer');
  for (const { at } of answers) assert.equal(bytes[at], 0x7d, 'an answer is marked at another byte than its last');
  const complete = events.filter(({ data }) => data !== undefined && isAnswer(Buffer.from(data, 'latin1')));
  assert.ok(answers.length >= complete.length, 'an answer was let by without a mark');
}

function isAnswer(data: Buffer): boolean {
  // An id may be spelled as long as one likes, and is not read then.
  const model = data.length > idBytesMax ? undefined : jsonModel(data);
  if (model === undefined || model.membersKept !== model.membersWritten || model.depth > 200) return false;
  const { value } = model;
  if (memberOf(value, 'id') !== 7 || memberOf(value, 'result') === undefined) return false;
  return Object.keys(value as object).every((key) => /^(?:jsonrpc|id|result|x-.*)$/.test(key));
}

/** New data takes the place of the old and changes nothing else; a message of our own is read as it was framed. */
function checkReframed(raw: Buffer, event: ModelEvent): void {
  if (event.data !== undefined) {
    const again = read([reframeSseEvent(raw, replacement)], unlimited).items.map(meaning);
    assert.deepEqual(again, [{ ...event, data: replacement.toString('latin1') }]);
  }
  const [framed] = read([frameSseMessage(Buffer.from(event.data ?? '', 'latin1'))], unlimited).items;
  assert.ok(framed !== undefined);
  assert.deepEqual(meaning(framed), { data: (event.data ?? '').replaceAll(/\r\n|\r/g, '\n'), event: 'message' });
}

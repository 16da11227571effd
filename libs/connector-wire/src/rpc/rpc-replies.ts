import { CapnpWriter, type CapnpStructWriter } from '../capnp/capnp-writer.ts';
import type { CapnpSegments } from '../capnp/capnp-frame-decoder.ts';
import { messageTag } from './rpc-message.ts';

const wordBytes = 8;

export const exceptionType = { failed: 0, overloaded: 1, disconnected: 2, unimplemented: 3 } as const;

/** Begins a `return` with results; `fill` writes the payload (content is pointer 0, the capability table pointer 1). */
export function encodeResults(answerId: number, fill: (payload: CapnpStructWriter) => void): Buffer {
  const writer = new CapnpWriter();
  const body = beginReturn(writer, answerId, 0);
  fill(body.struct(0, 0, 2));
  return writer.finish();
}

/** The answer to `bootstrap`: the one capability, number 0. */
export function encodeBootstrapResults(answerId: number): Buffer {
  return encodeResults(answerId, (payload) => {
    payload.capability(0, 0);
    const [descriptor] = payload.structList(1, 1, 1, 1);
    descriptor?.u16(0, 1).u32(4, 0);
  });
}

export function encodeEmptyResults(answerId: number): Buffer {
  return encodeResults(answerId, (payload) => {
    payload.struct(0, 0, 0);
  });
}

export function encodeException(answerId: number, reason: string, type: number): Buffer {
  const writer = new CapnpWriter();
  beginReturn(writer, answerId, 1).struct(0, 1, 1).u16(4, type).text(0, reason);
  return writer.finish();
}

export function encodeAbort(reason: string): Buffer {
  const writer = new CapnpWriter();
  const root = writer.root(1, 1).u16(0, messageTag.abort);
  root.struct(0, 1, 1).text(0, reason);
  return writer.finish();
}

export function encodeFinish(questionId: number): Buffer {
  const writer = new CapnpWriter();
  const root = writer.root(1, 1).u16(0, messageTag.finish);
  root.struct(0, 1, 0).u32(0, questionId);
  return writer.finish();
}

export function encodeBootstrap(questionId: number): Buffer {
  const writer = new CapnpWriter();
  const root = writer.root(1, 1).u16(0, messageTag.bootstrap);
  root.struct(0, 1, 1).u32(0, questionId);
  return writer.finish();
}

/**
 * `unimplemented` with the message it answers, as rpc.capnp asks. Undefined where the message has several segments or a root we would have
 * to rewrite: then the caller aborts.
 */
export function encodeUnimplemented(segments: CapnpSegments): Buffer | undefined {
  const [segment] = segments;
  if (segments.length !== 1 || segment === undefined || (segment.readUInt32LE(0) & 3) !== 0) return undefined;
  const writer = new CapnpWriter();
  const root = writer.root(1, 1).u16(0, messageTag.unimplemented);
  root.embed(0, segment, 1 + (segment.readInt32LE(0) >> 2), segment.readUInt32LE(wordBytes / 2));
  return writer.finish();
}

function beginReturn(writer: CapnpWriter, answerId: number, tag: 0 | 1): CapnpStructWriter {
  const root = writer.root(1, 1).u16(0, messageTag.return);
  // The inverted bit 32 says that parameter capabilities are not released here; there are none.
  return root.struct(0, 2, 1).u32(0, answerId).u8(4, 1).u16(6, tag);
}

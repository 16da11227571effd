import { type Result, fail, ok } from '@sallyport/result';

import { CapnpMessage, type CapnpStruct } from '../capnp/capnp-reader.ts';
import type { CapnpRefusal } from '../capnp/capnp-refusal.ts';
import type { CapnpSegments } from '../capnp/capnp-frame-decoder.ts';

/** Whom a call is for: a capability we handed out, or the answer of a question that is still open. */
export type CallTarget =
  | { readonly type: 'imported'; readonly id: number }
  | { readonly type: 'promised'; readonly questionId: number };

/** The messages of rpc.capnp that this protocol uses (spec §4.3). Structs inside are views: decode them before the next chunk. */
export type RpcMessage =
  | { readonly type: 'bootstrap'; readonly questionId: number }
  | RpcCall
  | { readonly type: 'results'; readonly answerId: number; readonly content: CapnpStruct }
  | { readonly type: 'exception'; readonly answerId: number; readonly reason: string; readonly exceptionType: number }
  | { readonly type: 'finish'; readonly questionId: number }
  | { readonly type: 'release'; readonly id: number; readonly count: number }
  | { readonly type: 'abort'; readonly reason: string }
  | { readonly type: 'unimplemented' }
  | { readonly type: 'unknown'; readonly tag: number };

export interface RpcCall {
  readonly type: 'call';
  readonly questionId: number;
  readonly target: CallTarget;
  readonly interfaceId: bigint;
  readonly methodId: number;
  readonly params: CapnpStruct;
}

/** Numbers of the `Message` union. */
export const messageTag = {
  unimplemented: 0,
  abort: 1,
  call: 2,
  return: 3,
  finish: 4,
  release: 6,
  bootstrap: 8,
} as const;

/** Reads one message. The message object must be asked for `refusal` again after its params or content were read. */
export function decodeRpcMessage(
  segments: CapnpSegments,
): Result<{ readonly capnp: CapnpMessage; readonly message: RpcMessage }, CapnpRefusal> {
  const capnp = new CapnpMessage(segments);
  const root = capnp.root();
  const message = decodeByTag(root);
  return capnp.refusal === undefined ? ok({ capnp, message }) : fail(capnp.refusal);
}

function decodeByTag(root: CapnpStruct): RpcMessage {
  const tag = root.u16(0);
  const body = root.struct(0);
  switch (tag) {
    case messageTag.unimplemented:
      return { type: 'unimplemented' };
    case messageTag.abort:
      return { type: 'abort', reason: body.text(0) };
    case messageTag.call:
      return decodeCall(body);
    case messageTag.return:
      return decodeReturn(body);
    case messageTag.finish:
      return { type: 'finish', questionId: body.u32(0) };
    case messageTag.release:
      return { type: 'release', id: body.u32(0), count: body.u32(4) };
    case messageTag.bootstrap:
      return { type: 'bootstrap', questionId: body.u32(0) };
    default:
      return { type: 'unknown', tag };
  }
}

function decodeCall(body: CapnpStruct): RpcMessage {
  const target = body.struct(0);
  return {
    type: 'call',
    questionId: body.u32(0),
    target:
      target.u16(4) === 0
        ? { type: 'imported', id: target.u32(0) }
        : { type: 'promised', questionId: target.struct(0).u32(0) },
    interfaceId: body.u64(8),
    methodId: body.u16(4),
    params: body.struct(1).struct(0),
  };
}

function decodeReturn(body: CapnpStruct): RpcMessage {
  const answerId = body.u32(0);
  const tag = body.u16(6);
  if (tag === 0) {
    const payload = body.struct(0);
    // The answer to bootstrap is a capability, not a struct; nobody reads it here.
    const content = payload.capability(0) === undefined ? payload.struct(0) : payload.struct(7);
    return { type: 'results', answerId, content };
  }
  if (tag !== 1) return { type: 'exception', answerId, reason: `return of kind ${tag}`, exceptionType: 0 };
  const exception = body.struct(0);
  return { type: 'exception', answerId, reason: exception.text(0), exceptionType: exception.u16(4) };
}

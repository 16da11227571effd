import { type Result, fail, ok } from '@sallyport/result';

import { CapnpFrameDecoder, type CapnpSegments } from '../capnp/capnp-frame-decoder.ts';
import type { CapnpRefusal } from '../capnp/capnp-refusal.ts';
import {
  type ConnectionDetails,
  type ConnectionRefusal,
  type RegistrationRequest,
  decodeRegistrationRequest,
  encodeConnectionDetails,
  encodeConnectionRefusal,
  registrationInterfaceId,
  registrationMethod,
} from './registration.ts';
import { type RpcCall, type RpcMessage, decodeRpcMessage } from './rpc-message.ts';
import {
  encodeBootstrapResults,
  encodeEmptyResults,
  encodeException,
  encodeUnimplemented,
  exceptionType,
} from './rpc-replies.ts';

/** What the connector asked for, in order. `reply` carries bytes that go out as they are. */
export type EdgeControlEvent =
  | { readonly type: 'reply'; readonly bytes: Buffer }
  | { readonly type: 'register'; readonly questionId: number; readonly request: RegistrationRequest }
  | { readonly type: 'unregister'; readonly questionId: number }
  | { readonly type: 'local-configuration'; readonly questionId: number; readonly json: Buffer }
  | { readonly type: 'aborted'; readonly reason: string };

export type ControlRefusal = CapnpRefusal | 'too-many-questions' | 'question-reused' | 'unexpected-message';

/** Questions that may be open at once; the real client has at most two. */
const questionsMax = 8;

/**
 * The edge's end of the control stream: the RPC server, as a pure state machine. Bytes go in, events come out; answers to `register`, `unregister`
 * and `local-configuration` are made by the methods and sent by the caller. A refusal is final: the caller closes the session.
 */
export class EdgeControlSession {
  readonly #decoder = new CapnpFrameDecoder();
  /** Open questions and whether each was answered. */
  readonly #questions = new Map<number, boolean>();
  #bootstrapId: number | undefined;

  receive(chunk: Uint8Array): Result<readonly EdgeControlEvent[], ControlRefusal> {
    const events: EdgeControlEvent[] = [];
    let refusal: ControlRefusal | undefined;
    const framed = this.#decoder.push(chunk, (segments) => {
      refusal = this.#handle(segments, events);
      return refusal === undefined;
    });
    if (!framed.ok) return framed;
    return refusal === undefined ? ok(events) : fail(refusal);
  }

  acceptRegistration(questionId: number, details: ConnectionDetails): Buffer {
    this.#answered(questionId);
    return encodeConnectionDetails(questionId, details);
  }

  refuseRegistration(questionId: number, refusal: ConnectionRefusal): Buffer {
    this.#answered(questionId);
    return encodeConnectionRefusal(questionId, refusal);
  }

  /** The answer to `unregister` and `local-configuration`. */
  acknowledge(questionId: number): Buffer {
    this.#answered(questionId);
    return encodeEmptyResults(questionId);
  }

  #handle(segments: CapnpSegments, events: EdgeControlEvent[]): ControlRefusal | undefined {
    const decoded = decodeRpcMessage(segments);
    if (!decoded.ok) return decoded.reason;
    const refusal = this.#apply(decoded.value.message, segments, events);
    return refusal ?? decoded.value.capnp.refusal;
  }

  #apply(message: RpcMessage, segments: CapnpSegments, events: EdgeControlEvent[]): ControlRefusal | undefined {
    switch (message.type) {
      case 'bootstrap': {
        const refusal = this.#ask(message.questionId);
        if (refusal !== undefined) return refusal;
        this.#bootstrapId = message.questionId;
        this.#answered(message.questionId);
        events.push({ type: 'reply', bytes: encodeBootstrapResults(message.questionId) });
        return undefined;
      }
      case 'call':
        return this.#ask(message.questionId) ?? this.#call(message, events);
      case 'finish':
        this.#questions.delete(message.questionId);
        if (this.#bootstrapId === message.questionId) this.#bootstrapId = undefined;
        return undefined;
      case 'abort':
        events.push({ type: 'aborted', reason: message.reason });
        return undefined;
      case 'release':
      case 'unimplemented':
        return undefined;
      case 'results':
      case 'exception':
        // We ask nothing, so nothing can be answered.
        return 'unexpected-message';
      case 'unknown': {
        const bytes = encodeUnimplemented(segments);
        if (bytes === undefined) return 'unexpected-message';
        events.push({ type: 'reply', bytes });
        return undefined;
      }
    }
  }

  #call(call: RpcCall, events: EdgeControlEvent[]): undefined {
    const { questionId, target } = call;
    const known = target.type === 'imported' ? target.id === 0 : target.questionId === this.#bootstrapId;
    if (!known) return this.#except(questionId, 'no such capability', exceptionType.failed, events);
    if (call.interfaceId !== registrationInterfaceId) {
      return this.#except(questionId, 'unknown interface', exceptionType.unimplemented, events);
    }
    switch (call.methodId) {
      case registrationMethod.register:
        events.push({ type: 'register', questionId, request: decodeRegistrationRequest(call.params) });
        return undefined;
      case registrationMethod.unregister:
        events.push({ type: 'unregister', questionId });
        return undefined;
      case registrationMethod.updateLocalConfiguration:
        events.push({ type: 'local-configuration', questionId, json: call.params.data(0) });
        return undefined;
      default:
        return this.#except(questionId, 'unknown method', exceptionType.unimplemented, events);
    }
  }

  #except(questionId: number, reason: string, type: number, events: EdgeControlEvent[]): undefined {
    this.#answered(questionId);
    events.push({ type: 'reply', bytes: encodeException(questionId, reason, type) });
    return undefined;
  }

  /** Ids are reused after `finish`; reuse of an answered one counts as its `finish`. */
  #ask(questionId: number): ControlRefusal | undefined {
    if (this.#questions.get(questionId) === false) return 'question-reused';
    this.#questions.delete(questionId);
    if (this.#questions.size >= questionsMax) return 'too-many-questions';
    this.#questions.set(questionId, false);
    return undefined;
  }

  #answered(questionId: number): void {
    if (this.#questions.has(questionId)) this.#questions.set(questionId, true);
  }
}

import { type Result, fail, ok } from '@sallyport/result';

import { CapnpFrameDecoder, type CapnpSegments } from '../capnp/capnp-frame-decoder.ts';
import type { ControlRefusal } from './edge-control-session.ts';
import {
  type ConnectionDetails,
  type ConnectionRefusal,
  type RegistrationRequest,
  decodeConnectionResponse,
  encodeLocalConfigurationCall,
  encodeRegistrationCall,
  encodeUnregisterCall,
} from './registration.ts';
import { type RpcMessage, decodeRpcMessage } from './rpc-message.ts';
import { encodeAbort, encodeBootstrap, encodeException, encodeFinish, exceptionType } from './rpc-replies.ts';

export type ConnectorControlEvent =
  | { readonly type: 'reply'; readonly bytes: Buffer }
  | { readonly type: 'registered'; readonly details: ConnectionDetails }
  | { readonly type: 'refused'; readonly refusal: ConnectionRefusal }
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'local-configuration-taken' }
  | { readonly type: 'unregistered' }
  | { readonly type: 'aborted'; readonly reason: string };

type Asked = 'bootstrap' | 'register' | 'local-configuration' | 'unregister';

/** The connector's end of the control stream: the RPC client, as a pure state machine. Each method gives the bytes to send. */
export class ConnectorControlSession {
  readonly #decoder = new CapnpFrameDecoder();
  readonly #questions = new Map<number, Asked>();

  /** Bootstrap and registerConnection together: the call does not wait for the first answer. */
  start(request: RegistrationRequest): Buffer {
    const bootstrapId = this.#ask('bootstrap');
    const questionId = this.#ask('register');
    return Buffer.concat([encodeBootstrap(bootstrapId), encodeRegistrationCall(questionId, bootstrapId, request)]);
  }

  sendLocalConfiguration(json: Uint8Array): Buffer {
    return encodeLocalConfigurationCall(this.#ask('local-configuration'), json);
  }

  unregister(): Buffer {
    return encodeUnregisterCall(this.#ask('unregister'));
  }

  abort(reason: string): Buffer {
    return encodeAbort(reason);
  }

  receive(chunk: Uint8Array): Result<readonly ConnectorControlEvent[], ControlRefusal> {
    const events: ConnectorControlEvent[] = [];
    let refusal: ControlRefusal | undefined;
    const framed = this.#decoder.push(chunk, (segments) => {
      refusal = this.#handle(segments, events);
      return refusal === undefined;
    });
    if (!framed.ok) return framed;
    return refusal === undefined ? ok(events) : fail(refusal);
  }

  /** The lowest free id; ids are free again after `finish`. */
  #ask(asked: Asked): number {
    let questionId = 0;
    while (this.#questions.has(questionId)) questionId += 1;
    this.#questions.set(questionId, asked);
    return questionId;
  }

  #handle(segments: CapnpSegments, events: ConnectorControlEvent[]): ControlRefusal | undefined {
    const decoded = decodeRpcMessage(segments);
    if (!decoded.ok) return decoded.reason;
    const refusal = this.#apply(decoded.value.message, events);
    return refusal ?? decoded.value.capnp.refusal;
  }

  #apply(message: RpcMessage, events: ConnectorControlEvent[]): ControlRefusal | undefined {
    switch (message.type) {
      case 'results':
      case 'exception':
        return this.#answer(message, events);
      case 'call':
      case 'bootstrap':
        // We export nothing.
        events.push({
          type: 'reply',
          bytes: encodeException(message.questionId, 'nothing is exported here', exceptionType.unimplemented),
        });
        return undefined;
      case 'abort':
        events.push({ type: 'aborted', reason: message.reason });
        return undefined;
      case 'finish':
      case 'release':
      case 'unimplemented':
      case 'unknown':
        return undefined;
    }
  }

  #answer(
    message: Extract<RpcMessage, { type: 'results' | 'exception' }>,
    events: ConnectorControlEvent[],
  ): ControlRefusal | undefined {
    const asked = this.#questions.get(message.answerId);
    if (asked === undefined) return 'unexpected-message';
    this.#questions.delete(message.answerId);
    if (message.type === 'exception') events.push({ type: 'failed', reason: message.reason });
    else if (asked === 'register') events.push(registered(message.content));
    else if (asked === 'local-configuration') events.push({ type: 'local-configuration-taken' });
    else if (asked === 'unregister') events.push({ type: 'unregistered' });
    events.push({ type: 'reply', bytes: encodeFinish(message.answerId) });
    return undefined;
  }
}

function registered(content: Parameters<typeof decodeConnectionResponse>[0]): ConnectorControlEvent {
  const response = decodeConnectionResponse(content);
  return response.type === 'details'
    ? { type: 'registered', details: response.details }
    : { type: 'refused', refusal: response.refusal };
}

import type { CapnpStruct } from '../capnp/capnp-reader.ts';
import { CapnpWriter, type CapnpStructWriter } from '../capnp/capnp-writer.ts';
import { messageTag } from './rpc-message.ts';
import { encodeResults } from './rpc-replies.ts';

export const registrationInterfaceId = 0xf71695ec7fe85497n;
export const registrationMethod = { register: 0, unregister: 1, updateLocalConfiguration: 2 } as const;

/** What a connector presents to be registered (spec §4.3). `tunnelSecret` is a secret: it reaches no log. */
export interface RegistrationRequest {
  readonly accountTag: string;
  readonly tunnelSecret: Buffer;
  /** 16 raw bytes. */
  readonly tunnelUuid: Buffer;
  /** 0 to 255: which of the connector's connections this is. */
  readonly connectionIndex: number;
  /** 16 raw bytes, new in each process. */
  readonly clientUuid: Buffer;
  readonly features: readonly string[];
  readonly version: string;
  /** For example `linux_amd64`. */
  readonly architecture: string;
  /** 4 or 16 raw bytes, or none. */
  readonly originLocalIp: Buffer;
  readonly previousAttempts: number;
}

/** What a registered connector is told. */
export interface ConnectionDetails {
  /** 16 raw bytes. */
  readonly connectionUuid: Buffer;
  readonly locationName: string;
  readonly remotelyManaged: boolean;
}

/** `retryAfterNs` is decoded by cloudflared and never used; which causes are retried is spec §4.4. */
export interface ConnectionRefusal {
  readonly cause: string;
  readonly retryAfterNs: bigint;
  readonly shouldRetry: boolean;
}

export function decodeRegistrationRequest(params: CapnpStruct): RegistrationRequest {
  const auth = params.struct(0);
  const options = params.struct(2);
  const client = options.struct(0);
  return {
    accountTag: auth.text(0),
    tunnelSecret: auth.data(1),
    tunnelUuid: params.data(1),
    connectionIndex: params.u8(0),
    clientUuid: client.data(0),
    features: client.textList(1),
    version: client.text(2),
    architecture: client.text(3),
    originLocalIp: options.data(1),
    previousAttempts: options.u8(2),
  };
}

/** The registerConnection call on the promised answer of the bootstrap question. */
export function encodeRegistrationCall(questionId: number, bootstrapId: number, request: RegistrationRequest): Buffer {
  const { writer, params } = beginCall(questionId, registrationMethod.register, { promised: bootstrapId }, [1, 3]);
  params.u8(0, request.connectionIndex);
  params.struct(0, 0, 2).text(0, request.accountTag).data(1, request.tunnelSecret);
  params.data(1, request.tunnelUuid);
  const options = params.struct(2, 1, 2).u8(2, request.previousAttempts);
  options
    .struct(0, 0, 4)
    .data(0, request.clientUuid)
    .textList(1, request.features)
    .text(2, request.version)
    .text(3, request.architecture);
  options.data(1, request.originLocalIp);
  return writer.finish();
}

export function encodeUnregisterCall(questionId: number): Buffer {
  return beginCall(questionId, registrationMethod.unregister, { imported: 0 }, [0, 0]).writer.finish();
}

export function encodeLocalConfigurationCall(questionId: number, json: Uint8Array): Buffer {
  const { writer, params } = beginCall(
    questionId,
    registrationMethod.updateLocalConfiguration,
    { imported: 0 },
    [0, 1],
  );
  params.data(0, json);
  return writer.finish();
}

export function encodeConnectionDetails(answerId: number, details: ConnectionDetails): Buffer {
  return encodeResults(answerId, (payload) => {
    const response = payload.struct(0, 0, 1).struct(0, 1, 1).u16(0, 1);
    response
      .struct(0, 1, 2)
      .u8(0, details.remotelyManaged ? 1 : 0)
      .data(0, details.connectionUuid)
      .text(1, details.locationName);
  });
}

export function encodeConnectionRefusal(answerId: number, refusal: ConnectionRefusal): Buffer {
  return encodeResults(answerId, (payload) => {
    const response = payload.struct(0, 0, 1).struct(0, 1, 1).u16(0, 0);
    response
      .struct(0, 2, 1)
      .u64(0, refusal.retryAfterNs)
      .u8(8, refusal.shouldRetry ? 1 : 0)
      .text(0, refusal.cause);
  });
}

export type ConnectionResponse =
  | { readonly type: 'details'; readonly details: ConnectionDetails }
  | { readonly type: 'refusal'; readonly refusal: ConnectionRefusal };

export function decodeConnectionResponse(results: CapnpStruct): ConnectionResponse {
  const response = results.struct(0);
  const member = response.struct(0);
  if (response.u16(0) === 1) {
    return {
      type: 'details',
      details: { connectionUuid: member.data(0), locationName: member.text(1), remotelyManaged: member.bit(0) },
    };
  }
  return {
    type: 'refusal',
    refusal: { cause: member.text(0), retryAfterNs: member.i64(0), shouldRetry: member.bit(64) },
  };
}

type CallAim = { readonly promised: number } | { readonly imported: number };

function beginCall(
  questionId: number,
  methodId: number,
  aim: CallAim,
  paramsSize: readonly [dataWords: number, pointers: number],
): { readonly writer: CapnpWriter; readonly params: CapnpStructWriter } {
  const writer = new CapnpWriter();
  const call = writer
    .root(1, 1)
    .u16(0, messageTag.call)
    .struct(0, 3, 3)
    .u32(0, questionId)
    .u16(4, methodId)
    .u64(8, registrationInterfaceId);
  const target = call.struct(0, 1, 1);
  if ('promised' in aim) target.u16(4, 1).struct(0, 1, 1).u32(0, aim.promised);
  else target.u32(0, aim.imported);
  const params = call.struct(1, 0, 2).struct(0, paramsSize[0], paramsSize[1]);
  return { writer, params };
}

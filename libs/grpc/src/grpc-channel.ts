import { readFileSync } from 'node:fs';
import {
  type CallOptions,
  Channel,
  type ChannelOptions,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { reasonKey } from './grpc-failure.ts';
import type { ServiceName } from './service-name.ts';
import type { TlsFiles } from './tls-files.ts';

export interface GrpcChannelConfig {
  /** `host:port`, or `unix:<path>`. */
  readonly address: string;
  /** Whom to expect there; its certificate must name it. */
  readonly server: ServiceName;
  readonly tls: TlsFiles;
}

/** What the constructor of a generated client takes: `new XClient(channel.address, channel.credentials, channel.options)`. */
export interface GrpcChannel {
  readonly address: string;
  readonly credentials: ReturnType<typeof credentials.createSsl>;
  readonly options: ChannelOptions & { readonly channelOverride: Channel };
}

const messageBytesMax = 4 * 1024 * 1024;

/** A connection to another service, with mutual TLS. Clients of the same channel share its connection. */
export function grpcChannel(config: GrpcChannelConfig): GrpcChannel {
  const { tls } = config;
  const secure = credentials.createSsl(readFileSync(tls.caFile), readFileSync(tls.keyFile), readFileSync(tls.certFile));
  const options: ChannelOptions = {
    'grpc.ssl_target_name_override': config.server,
    'grpc.default_authority': config.server,
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  };
  return {
    address: config.address,
    credentials: secure,
    options: { ...options, channelOverride: new Channel(config.address, secure, options) },
  };
}

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/** A unary call as a promise, always with a deadline. Rejects with grpc-js's ServiceError. */
export function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  options: { readonly deadlineMs: number; readonly waitForReady?: boolean },
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const metadata = new Metadata({ waitForReady: options.waitForReady ?? false });
    method(request, metadata, { deadline: Date.now() + options.deadlineMs }, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

/** Whether this is how a call failed, by the server or by the transport. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'metadata' in error && error.metadata instanceof Metadata;
}

/** The stable code that a failed call carries; undefined where the failure was made by the transport itself. */
export function reasonOf(error: ServiceError): string | undefined {
  const [reason] = error.metadata.get(reasonKey);
  return typeof reason === 'string' ? reason : undefined;
}

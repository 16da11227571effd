import { readFileSync } from 'node:fs';
import {
  Server,
  ServerCredentials,
  type ServerInterceptor,
  ServerInterceptingCall,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { grpcFailure } from './grpc-failure.ts';
import type { ServiceName } from './service-name.ts';
import { removeDeadSocket } from './remove-dead-socket.ts';
import type { TlsFiles } from './tls-files.ts';

export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
  /** Who may call which RPC, by its short name; an RPC that is not listed is refused to everybody. */
  readonly callers: Readonly<Record<string, readonly ServiceName[]>>;
}

export interface GrpcServerConfig {
  /** `host:port`, or `unix:<path>`. */
  readonly address: string;
  readonly tls: TlsFiles;
  readonly messageBytesMax?: number;
}

const messageBytesMaxDefault = 4 * 1024 * 1024;
const streamsPerConnectionMax = 10_000;

/** A gRPC server that only talks mutual TLS, and admits each caller to the RPCs that are its own. */
export class GrpcServer {
  readonly #server: Server;
  readonly #config: GrpcServerConfig;

  constructor(config: GrpcServerConfig, services: readonly GrpcService[]) {
    this.#config = config;
    const messageBytesMax = config.messageBytesMax ?? messageBytesMaxDefault;
    this.#server = new Server({
      interceptors: [admitOnly(services)],
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.max_send_message_length': messageBytesMax,
      'grpc.max_concurrent_streams': streamsPerConnectionMax,
      'grpc.keepalive_time_ms': 20_000,
      'grpc.keepalive_timeout_ms': 10_000,
    });
    for (const { definition, implementation } of services) this.#server.addService(definition, implementation);
  }

  /** Resolves with the bound port (0 for a socket) once the server accepts connections. */
  async start(): Promise<number> {
    const { address, tls } = this.#config;
    if (address.startsWith('unix:')) await removeDeadSocket(address.slice('unix:'.length));
    const credentials = ServerCredentials.createSsl(
      readFileSync(tls.caFile),
      [{ cert_chain: readFileSync(tls.certFile), private_key: readFileSync(tls.keyFile) }],
      true,
    );
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(new Error(`cannot listen on ${address}: ${error.message}`, { cause: error }));
      });
    });
  }

  /** Lets running calls finish for `drainMs`, then cuts them. */
  stop(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#server.forceShutdown(), drainMs);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

function admitOnly(services: readonly GrpcService[]): ServerInterceptor {
  const callersByPath = new Map<string, ReadonlySet<string>>();
  for (const { definition, callers } of services) {
    for (const [name, method] of Object.entries(definition))
      callersByPath.set(method.path, new Set(callers[name] ?? []));
  }
  return (method, call) => {
    const allowed = callersByPath.get(method.path);
    const names = certificateNames(call.getAuthContext().sslPeerCertificate?.subjectaltname);
    if (allowed !== undefined && names.some((name) => allowed.has(name))) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({});
        call.sendStatus(
          grpcFailure(
            status.PERMISSION_DENIED,
            'caller_not_admitted',
            `${names.join(', ') || 'a caller without a name'} may not call ${method.path}`,
          ),
        );
      },
    });
  };
}

function certificateNames(subjectAltName: string | undefined): string[] {
  return (subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice(4));
}

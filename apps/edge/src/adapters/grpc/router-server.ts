import type { handleUnaryCall } from '@grpc/grpc-js';
import { tunnel } from '@sallyport/contracts';
import { GrpcServer, serviceName } from '@sallyport/grpc';

import type { EdgeConfig } from '../../config.ts';
import type { ConnectorConnection } from '../http2/connector-connection.ts';
import type { LiveConnections } from '../http2/live-connections.ts';
import { ByteStreamCall, type StreamDependencies } from './byte-stream-call.ts';
import { byteStreamMethod } from './byte-stream-codec.ts';
import { HttpRequestCall } from './http-request-call.ts';

/** What routers see: `TunnelService`, for the router's certificate alone. */
export class RouterServer {
  readonly #server: GrpcServer;

  constructor(config: Pick<EdgeConfig, 'grpc' | 'tls'>, dependencies: StreamDependencies) {
    const implementation: tunnel.TunnelServiceServer = {
      openByteStream: (call) => void new ByteStreamCall(dependencies, call),
      sendHttpRequest: (call) => void new HttpRequestCall(dependencies, call),
      listConnections: listConnections(dependencies.connections),
    };
    const callers = [serviceName.router];
    this.#server = new GrpcServer({ address: config.grpc.address, tls: config.tls }, [
      {
        definition: { ...tunnel.TunnelServiceService, openByteStream: byteStreamMethod },
        implementation,
        callers: { openByteStream: callers, sendHttpRequest: callers, listConnections: callers },
      },
    ]);
  }

  /** Resolves with the bound port. */
  start(): Promise<number> {
    return this.#server.start();
  }

  stop(drainMs: number): Promise<void> {
    return this.#server.stop(drainMs);
  }
}

function listConnections(
  connections: LiveConnections,
): handleUnaryCall<tunnel.ListConnectionsRequest, tunnel.ListConnectionsResponse> {
  return (call, callback) => {
    callback(null, { connections: connections.ofTunnel(call.request.tunnelId).map(toMessage) });
  };
}

function toMessage(connection: ConnectorConnection): tunnel.TunnelConnection {
  const { connectorId, connectionIndex, version, architecture, features } = connection.identity;
  return {
    connectorId,
    connectionIndex,
    version,
    architecture,
    features: [...features],
    connectedAtMs: BigInt(connection.connectedAtMs),
    remoteAddress: connection.remoteAddress,
    draining: connection.draining,
    streamsOpen: connection.streamsOpen,
  };
}

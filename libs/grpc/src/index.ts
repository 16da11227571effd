export {
  callUnary,
  grpcChannel,
  type GrpcChannel,
  type GrpcChannelConfig,
  isServiceError,
  reasonOf,
} from './grpc-channel.ts';
export { GrpcServer, type GrpcService, type GrpcServerConfig } from './grpc-server.ts';
export { grpcFailure, type GrpcFailure } from './grpc-failure.ts';
export { serviceName, type ServiceName } from './service-name.ts';
export { type TlsFiles, tlsFilesSchema } from './tls-files.ts';

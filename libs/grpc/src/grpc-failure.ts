import { Metadata, type status } from '@grpc/grpc-js';

/** What a handler ends a call with: a status, a stable code under `sallyport-reason`, and a sentence without payload or secret. */
export interface GrpcFailure {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

export const reasonKey = 'sallyport-reason';

export function grpcFailure(code: status, reason: string, details: string): GrpcFailure {
  const metadata = new Metadata();
  metadata.set(reasonKey, reason);
  return { code, details, metadata };
}

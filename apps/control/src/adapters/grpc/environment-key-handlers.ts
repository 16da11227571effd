import { status } from '@grpc/grpc-js';
import { identity } from '@sallyport/contracts';
import { grpcFailure, type GrpcService, serviceName } from '@sallyport/grpc';
import { isPgUnavailable } from '@sallyport/pg';
import type { Logger } from '@sallyport/telemetry';
import type { EnvironmentKeys } from '../../ports/environment-keys.ts';

const sha256Bytes = 32;

export function environmentKeyService(keys: EnvironmentKeys, log: Logger): GrpcService {
  const implementation: identity.EnvironmentKeyServiceServer = {
    checkEnvironmentKey(call, callback) {
      const { keySha256 } = call.request;
      if (keySha256.length !== sha256Bytes) {
        callback(grpcFailure(status.INVALID_ARGUMENT, 'bad_request', 'the hash of a key has 32 bytes'));
        return;
      }
      keys.find(Buffer.from(keySha256)).then(
        (key) => {
          if (key === undefined) return callback(null, { accepted: undefined });
          const { environmentKeyId: keyId, environmentId, workspaceId } = key;
          callback(null, { accepted: { keyId, environmentId, workspaceId } });
        },
        (error: unknown) => {
          log.error({ err: error }, 'an environment key could not be checked');
          callback(
            isPgUnavailable(error)
              ? grpcFailure(status.UNAVAILABLE, 'database_unavailable', 'the key cannot be checked now')
              : grpcFailure(status.INTERNAL, 'internal', 'the key could not be checked'),
          );
        },
      );
    },
  };
  return {
    definition: identity.EnvironmentKeyServiceService,
    implementation,
    callers: { checkEnvironmentKey: [serviceName.scheduler] },
  };
}

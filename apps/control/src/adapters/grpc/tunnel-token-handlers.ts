import { status } from '@grpc/grpc-js';
import { identity } from '@sallyport/contracts';
import { grpcFailure, type GrpcService, serviceName } from '@sallyport/grpc';
import { isPgUnavailable } from '@sallyport/pg';
import type { Logger } from '@sallyport/telemetry';
import type { CheckTunnelToken } from '../../application/tunnel-tokens.ts';

const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const secretBytes = { min: 32, max: 256 };
const accountTagCharactersMax = 255;

export function tunnelTokenService(check: CheckTunnelToken, log: Logger): GrpcService {
  const implementation: identity.TunnelTokenServiceServer = {
    checkTunnelToken(call, callback) {
      const { accountTag, tunnelUuid, tunnelSecret } = call.request;
      if (
        !uuidShape.test(tunnelUuid) ||
        accountTag.length > accountTagCharactersMax ||
        tunnelSecret.length < secretBytes.min ||
        tunnelSecret.length > secretBytes.max
      ) {
        callback(null, { outcome: { $case: 'refused', value: identity.TunnelTokenRefusal.UNKNOWN } });
        return;
      }
      check.run({ uuid: tunnelUuid, accountTag, secret: tunnelSecret }).then(
        (verdict) => {
          const { TunnelTokenRefusal } = identity;
          if (verdict.kind === 'accepted')
            callback(null, { outcome: { $case: 'accepted', value: { tunnelId: verdict.tunnelId } } });
          else
            callback(null, {
              outcome: {
                $case: 'refused',
                value: verdict.kind === 'archived' ? TunnelTokenRefusal.ARCHIVED : TunnelTokenRefusal.UNKNOWN,
              },
            });
        },
        (error: unknown) => {
          log.error({ err: error }, 'a tunnel token could not be checked');
          callback(
            isPgUnavailable(error)
              ? grpcFailure(status.UNAVAILABLE, 'database_unavailable', 'the token cannot be checked now')
              : grpcFailure(status.INTERNAL, 'internal', 'the token could not be checked'),
          );
        },
      );
    },
  };
  return {
    definition: identity.TunnelTokenServiceService,
    implementation,
    callers: { checkTunnelToken: [serviceName.edge] },
  };
}

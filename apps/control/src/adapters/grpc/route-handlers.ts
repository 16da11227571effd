import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { route } from '@sallyport/contracts';
import { grpcFailure, type GrpcFailure, type GrpcService, serviceName } from '@sallyport/grpc';
import { isPgUnavailable } from '@sallyport/pg';
import type { Logger } from '@sallyport/telemetry';
import { resolvePrincipal } from '../../application/resolve-principal.ts';
import type { ResolvedRoute, ResolveRoute, RouteRefusal } from '../../application/resolve-route.ts';
import type { Routes } from '../../ports/routes.ts';
import type { Policy } from '../../ports/workspaces.ts';

const sha256Bytes = 32;
const hostCharactersMax = 255;

const refusals = {
  'credential-unknown': route.RouteRefusal.CREDENTIAL_UNKNOWN,
  'host-unknown': route.RouteRefusal.HOST_UNKNOWN,
  'tunnel-archived': route.RouteRefusal.TUNNEL_ARCHIVED,
} as const satisfies Record<RouteRefusal, route.RouteRefusal>;

export function routeService(resolve: ResolveRoute, routes: Routes, log: Logger): GrpcService {
  const failure = (error: unknown) => {
    log.error({ err: error }, 'a route could not be resolved');
    return isPgUnavailable(error)
      ? grpcFailure(status.UNAVAILABLE, 'database_unavailable', 'routes cannot be resolved now')
      : grpcFailure(status.INTERNAL, 'internal', 'the route could not be resolved');
  };
  const implementation: route.RouteServiceServer = {
    resolveRoute(call, callback) {
      const { credentialSha256, host } = call.request;
      if (credentialSha256.length !== sha256Bytes || host === '' || host.length > hostCharactersMax) {
        callback(
          grpcFailure(status.INVALID_ARGUMENT, 'bad_request', 'a credential hash of 32 bytes and a host are needed'),
        );
        return;
      }
      resolve.run(Buffer.from(credentialSha256), host).then(
        ({ revision, route: resolved }) =>
          callback(null, {
            revision,
            outcome: resolved.ok
              ? { $case: 'route', value: toMessage(resolved.value) }
              : { $case: 'refused', value: refusals[resolved.reason] },
          }),
        (error: unknown) => callback(failure(error)),
      );
    },
    resolvePrincipal(call, callback) {
      const { credentialSha256 } = call.request;
      if (credentialSha256.length !== sha256Bytes) {
        callback(grpcFailure(status.INVALID_ARGUMENT, 'bad_request', 'a credential hash of 32 bytes is needed'));
        return;
      }
      resolvePrincipal(routes, Buffer.from(credentialSha256)).then(
        ({ revision, principal }) =>
          callback(null, {
            revision,
            principal:
              principal === undefined
                ? undefined
                : { workspaceId: principal.workspaceId, principalId: principal.apiKeyId },
          }),
        (error: unknown) => callback(failure(error)),
      );
    },
    resolvePolicy(call, callback) {
      routes.readPolicy(call.request.workspaceId).then(
        ({ revision, policy }) =>
          policy === undefined
            ? callback(grpcFailure(status.NOT_FOUND, 'workspace_unknown', 'there is no such workspace'))
            : callback(null, { revision, policy: policyMessage(policy) }),
        (error: unknown) => callback(failure(error)),
      );
    },
    watchRevision: (call) => watchRevision(call, routes, failure),
  };
  return {
    definition: route.RouteServiceService,
    implementation,
    callers: {
      resolveRoute: [serviceName.router],
      resolvePrincipal: [serviceName.router],
      resolvePolicy: [serviceName.scheduler],
      watchRevision: [serviceName.router, serviceName.scheduler],
    },
  };
}

/** One message at once, then one for each hint that there may be another revision. */
function watchRevision(
  call: ServerWritableStream<route.WatchRevisionRequest, route.WatchRevisionResponse>,
  routes: Routes,
  failure: (error: unknown) => GrpcFailure,
): void {
  let reading = false;
  let again = false;
  const look = async () => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      do {
        again = false;
        const revision = await routes.revision();
        if (!call.writableEnded && !call.cancelled) call.write({ revision });
      } while (again);
    } catch (error) {
      call.emit('error', failure(error)); // the router then trusts its cache for a bounded time only
    } finally {
      reading = false;
    }
  };
  const stop = routes.onChange(
    () => void look(),
    () => call.end(),
  );
  call.on('cancelled', () => {
    stop();
    call.end();
  });
  call.on('error', stop);
  void look();
}

function toMessage(resolved: ResolvedRoute): route.Route {
  const { tunnel, policy, credential } = resolved;
  return {
    workspaceId: tunnel.workspaceId,
    principalId: credential.apiKeyId,
    tunnelId: tunnel.tunnelId,
    tunnelDomain: tunnel.domain,
    server: resolved.server,
    mode: tunnel.mode === 'end_to_end' ? route.TunnelMode.END_TO_END : route.TunnelMode.TRANSPORT,
    caCertificatesPem: [...resolved.caCertificatesPem],
    routerUnauthenticated: tunnel.routerUnauthenticated,
    policy: policyMessage(policy),
  };
}

function policyMessage(policy: Policy): route.Policy {
  return {
    policyId: policy.policyId,
    sha256: policy.sha256,
    rules: policy.rules.map((rule) => ({
      ruleId: rule.id,
      effect: rule.effect === 'allow' ? route.PolicyEffect.ALLOW : route.PolicyEffect.DENY,
      tunnel: rule.tunnel,
      server: rule.server,
      method: rule.method,
      name: rule.name,
      environment: rule.environment ?? '',
    })),
  };
}

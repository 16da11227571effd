import { randomBytes } from 'node:crypto';
import { isServiceError, reasonOf } from '@sallyport/grpc';
import { prefixedIdFromBytes } from '@sallyport/ids';
import type { RestAnswer, RestMethod, RestRequest } from '@sallyport/nest-runtime';
import { isPgUnavailable } from '@sallyport/pg';
import { type Logger, parseTraceContext, SpanRole, type Telemetry } from '@sallyport/telemetry';
import { refusal } from './api-answer.ts';
import { isStorableUrl } from './request-fields.ts';

/** Gives every answer its `request-id`, and turns what was thrown into an error that a client can act on. */
export function aroundRequest(log: Logger, telemetry: Telemetry) {
  const duration = telemetry.meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Requests to the REST API.',
  });
  return async (request: RestRequest, handle: RestMethod): Promise<RestAnswer> => {
    const requestId = prefixedIdFromBytes('req', randomBytes(16));
    const startedAtMs = performance.now();
    const { traceparent } = request.headers;
    const parent = typeof traceparent === 'string' ? parseTraceContext(traceparent) : undefined;
    const span = telemetry.span(`${request.method} /v1`, SpanRole.server, parent, {
      'http.request.method': request.method,
    });
    const answer = await handleStorable(request, handle).catch((error: unknown) => {
      const { method, path } = request;
      const refused = failure(error);
      if (refused.status >= 500)
        log.error({ err: error, requestId, method, path, traceId: span.traceId }, 'a request failed');
      return refused;
    });
    duration.record((performance.now() - startedAtMs) / 1_000, {
      'http.request.method': request.method,
      'http.response.status_code': answer.status,
    });
    span.end(answer.status >= 500 ? `http_${answer.status}` : undefined);
    return withRequestId(answer, requestId);
  };
}

function handleStorable(request: RestRequest, handle: RestMethod): Promise<RestAnswer> {
  if (isStorableUrl(request)) return handle(request);
  return Promise.resolve(refusal(400, 'bad_request', 'The URL holds a character that cannot be stored.'));
}

export function unroutable(status: number): RestAnswer {
  const requestId = prefixedIdFromBytes('req', randomBytes(16));
  const answer =
    status === 404
      ? refusal(404, 'no_such_endpoint', 'There is no such endpoint.')
      : status === 413
        ? refusal(413, 'body_too_large', 'The body is too large for this endpoint.')
        : refusal(status >= 500 ? 500 : 400, 'bad_request', 'The request could not be read.');
  return withRequestId(answer, requestId);
}

function failure(error: unknown): RestAnswer {
  if (isPgUnavailable(error))
    return refusal(503, 'database_unavailable', 'The database cannot be reached. Nothing was changed; try again.', {
      'retry-after': '2',
    });
  const refused = serviceRefusal(error);
  if (refused !== undefined) return refused;
  return refusal(500, 'internal', 'The request failed on our side; its request id leads to the log.');
}

/** Statuses of gRPC by their numbers: this file knows HTTP. */
const grpc = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  aborted: 10,
  outOfRange: 11,
  unavailable: 14,
} as const;

/** A service behind this endpoint refused, and its words are meant for whoever asked. */
function serviceRefusal(error: unknown): RestAnswer | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const said = 'details' in error && typeof error.details === 'string' ? error.details : '';
  if (error.code === grpc.invalidArgument) return refusal(400, 'bad_request', said);
  if (error.code === grpc.outOfRange) return refusal(400, 'out_of_range', said);
  if (isServiceError(error) && reasonOf(error) === 'search_too_broad') return refusal(400, 'search_too_broad', said);
  if (error.code === grpc.aborted) return refusal(409, 'in_progress', said);
  if (error.code !== grpc.unavailable && error.code !== grpc.deadlineExceeded) return undefined;
  return refusal(503, 'service_unavailable', 'A service behind this endpoint cannot be reached; try again.', {
    'retry-after': '2',
  });
}

function withRequestId(answer: RestAnswer, requestId: string): RestAnswer {
  const headers = { ...answer.headers, 'request-id': requestId };
  if ('json' in answer && isErrorEnvelope(answer.json))
    return { ...answer, headers, json: { ...answer.json, request_id: requestId } };
  return { ...answer, headers };
}

function isErrorEnvelope(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'request_id' in value;
}

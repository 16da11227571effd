import { status } from '@grpc/grpc-js';
import { type GrpcFailure, grpcFailure } from '@sallyport/grpc';
import { isPgUnavailable } from '@sallyport/pg';
import type { ProveRefusal } from '../../application/prove-call.ts';
import type { RebuildRefusal } from '../../application/rebuild-ledger.ts';
import { LedgerReplaced, SearchTooBroad } from '../../ports/ledger-reader.ts';

export const notFound = grpcFailure(status.NOT_FOUND, 'call_not_found', 'the ledger has no such call');

export const fellBehind = grpcFailure(
  status.OUT_OF_RANGE,
  'fell_behind',
  'the reader is slower than the ledger grows: list what was missed and tail again',
);

export function badRequest(field: string): GrpcFailure {
  return grpcFailure(status.INVALID_ARGUMENT, 'bad_request', `${field} is not valid`);
}

export function proveFailure(refusal: ProveRefusal): GrpcFailure {
  switch (refusal) {
    case 'no-such-call':
      return notFound;
    case 'not-signed-yet':
      return grpcFailure(status.FAILED_PRECONDITION, 'not_signed_yet', 'no checkpoint covers the call yet');
  }
}

export function rebuildFailure(refusal: RebuildRefusal): GrpcFailure {
  switch (refusal.code) {
    case 'another-rebuild-runs':
      return grpcFailure(status.ABORTED, 'another_rebuild_runs', 'another rebuild runs: wait for its end');
    case 'event-log-incomplete':
      return grpcFailure(
        status.FAILED_PRECONDITION,
        'event_log_incomplete',
        `${refusal.topic}: the event log begins at offset ${refusal.firstOffset}; nothing was swapped`,
      );
    case 'event-log-ends-early':
      return grpcFailure(
        status.FAILED_PRECONDITION,
        'event_log_ends_early',
        `${refusal.topic}: the event log ends at offset ${refusal.nextOffset}, the ledger has more; nothing was swapped`,
      );
    case 'root-differs':
      return grpcFailure(
        status.FAILED_PRECONDITION,
        'root_differs',
        `${refusal.topic}: the root of ${refusal.size} leaves is not the one that was signed; nothing was swapped`,
      );
  }
}

/** What a reader is told of an error that is no defect, undefined for all others. */
export function foreseenFailure(error: unknown): GrpcFailure | undefined {
  if (error instanceof LedgerReplaced)
    return grpcFailure(status.ABORTED, 'ledger_replaced', 'the ledger was rebuilt meanwhile: ask again');
  if (error instanceof SearchTooBroad)
    return grpcFailure(
      status.RESOURCE_EXHAUSTED,
      'search_too_broad',
      'the search read too much of the ledger: narrow it with a time, or with another filter',
    );
  return undefined;
}

/** What a broken infrastructure or a bug looks like from outside: never its message. */
export function unexpectedFailure(error: unknown): GrpcFailure {
  return isPgUnavailable(error)
    ? grpcFailure(status.UNAVAILABLE, 'database_unavailable', 'the ledger cannot be read now')
    : grpcFailure(status.INTERNAL, 'internal', 'the request failed: see the log of the audit service');
}

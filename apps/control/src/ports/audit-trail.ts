import type { audit } from '@sallyport/contracts';

/** What control hands through from the audit service. The messages are the service's own: control adds who may ask. */
export abstract class AuditTrail {
  abstract listEvents(request: audit.ListEventsRequest): Promise<audit.ListEventsResponse>;
  abstract getCall(request: audit.GetCallRequest): Promise<audit.GetCallResponse | undefined>;
  /** `not-signed-yet`: no checkpoint covers the call. */
  abstract proveCall(request: audit.ProveCallRequest): Promise<audit.ProveCallResponse | undefined | 'not-signed-yet'>;
  abstract listLogs(): Promise<audit.ListLogsResponse>;
  abstract tailEvents(request: audit.TailEventsRequest, signal: AbortSignal): AsyncIterable<audit.TailEventsResponse>;
  abstract exportTiles(signal: AbortSignal): AsyncIterable<audit.ExportTilesResponse>;
  abstract rebuildLedger(signal: AbortSignal): AsyncIterable<audit.RebuildLedgerResponse>;
}

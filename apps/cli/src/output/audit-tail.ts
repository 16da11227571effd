import { setTimeout as sleep } from 'node:timers/promises';

import type { ControlClient, ControlProblem } from '../control/control-client.ts';
import { type LedgerEvent, parseLedgerEvent } from './audit-event.ts';

const retryFirstMs = 500;
const retryMostMs = 10_000;
/** How many events are asked for again after a break; those that were seen are left out. */
const backlogAfterBreak = 1_000;

export interface TailRequest {
  /** Events of the past to begin with, 0 to 1000. */
  readonly backlog: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: LedgerEvent) => void;
  /** A stream could not be opened or broke; false gives up. */
  readonly onBreak: (problem: ControlProblem) => boolean;
}

/** Follows the ledger until the signal is aborted, across restarts of control and audit. Ends early only where `onBreak` gives up. */
export async function tailAudit(client: ControlClient, request: TailRequest): Promise<void> {
  const seen = new Map<string, number>();
  let retryMs = retryFirstMs;
  for (
    let backlog = request.backlog;
    !request.signal.aborted;
    backlog = seen.size === 0 ? backlog : backlogAfterBreak
  ) {
    for await (const line of client.lines('GET', `/v1/audit/events/tail?backlog=${backlog}`, request.signal)) {
      if (!line.ok) {
        if (!request.onBreak(line.reason)) return;
        break;
      }
      retryMs = retryFirstMs;
      const event = parseLedgerEvent(line.value);
      if (event === undefined || event.leafIndex <= (seen.get(event.origin) ?? -1)) continue;
      seen.set(event.origin, event.leafIndex);
      request.onEvent(event);
    }
    await sleep(retryMs, undefined, { signal: request.signal }).catch(() => undefined);
    retryMs = Math.min(retryMostMs, retryMs * 2);
  }
}

import type { Decision, Outcome } from '@sallyport/audit-events';
import type { Logger, Telemetry } from '@sallyport/telemetry';
import type { CallRecord, EndPhase } from './ports/call-recorder.ts';

/** One function per business event of a call: a counter, and a log line that its trace and its ledger entries can be found by. */
export function callSignals(telemetry: Telemetry, log: Logger) {
  const { meter } = telemetry;
  const calls = meter.createCounter('sallyport.calls', { description: 'Calls by how they ended.' });
  const duration = meter.createHistogram('sallyport.call.duration', {
    unit: 'ms',
    description: 'From the request to the recorded end.',
  });
  const open = meter.createUpDownCounter('sallyport.calls.open', {
    description: 'Calls that were sent and have not ended.',
  });
  return {
    denied(call: CallRecord, { ruleId, reason }: Decision): void {
      calls.add(1, { phase: 'denied' });
      log.info({ ...fieldsOf(call), ruleId, reason }, 'call denied');
    },
    begun(_call: CallRecord): void {
      open.add(1);
    },
    ended(call: CallRecord, phase: EndPhase, outcome: Outcome): void {
      open.add(-1);
      calls.add(1, { phase, status: outcome.status });
      duration.record(outcome.durationMs, { phase });
      const line = {
        ...fieldsOf(call),
        phase,
        status: outcome.status,
        code: outcome.code,
        durationMs: outcome.durationMs,
      };
      if (phase === 'completed') log.debug(line, 'call ended');
      else log.info(line, 'call ended');
    },
    /** `error` where the write itself was wrong. */
    unrecorded(call: CallRecord, step: 'denied' | 'begin' | EndPhase, error?: unknown): void {
      calls.add(1, { phase: 'unrecorded' });
      log.error(
        { ...fieldsOf(call), step, ...(error === undefined ? {} : { err: error }) },
        'a call could not be recorded',
      );
    },
    endedBySweeper(call: CallRecord): void {
      log.warn(fieldsOf(call), 'a call had been ended by the sweeper when its answer came');
    },
  };
}

export type CallSignals = ReturnType<typeof callSignals>;

/** Ids and places only: names and payloads of the client stay in the ledger, where reading them is recorded. */
function fieldsOf({ subject, traceparent }: CallRecord) {
  return {
    callId: subject.callId,
    tunnelId: subject.route?.tunnelId,
    server: subject.route?.host,
    principalId: subject.actor.principalId,
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
  };
}

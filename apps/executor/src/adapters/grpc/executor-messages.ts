import { executor } from '@sallyport/contracts';

import type { CallAnswer, ExecutorMessage, CallOutcome, Lease } from '../../domain/protocol-messages.ts';

const outcomes: Readonly<Record<CallOutcome, executor.CallOutcome>> = {
  done: executor.CallOutcome.DONE,
  timed_out: executor.CallOutcome.TIMED_OUT,
  cancelled: executor.CallOutcome.CANCELLED,
  lost: executor.CallOutcome.LOST,
  refused: executor.CallOutcome.REFUSED,
};

const uint32Max = 0xffff_ffff;

/** What the executor says, as it travels. */
export function toConnectRequest(message: ExecutorMessage): executor.ConnectRequest {
  return { message: toMessage(message) };
}

function toMessage(message: ExecutorMessage): executor.ConnectRequest['message'] {
  switch (message.type) {
    case 'credits':
      return { $case: 'credits', value: { offers: message.offers } };
    case 'accept':
      return { $case: 'accept', value: { lease: toLease(message.lease) } };
    case 'decline':
      return { $case: 'decline', value: { lease: toLease(message.lease), reason: message.reason } };
    case 'sandboxReady':
      return { $case: 'sandboxReady', value: { lease: toLease(message.lease), startMs: message.startMs } };
    case 'sandboxLost':
      return { $case: 'sandboxLost', value: { lease: toLease(message.lease), reason: message.reason } };
    case 'output': {
      const { lease, callId, data } = message;
      return { $case: 'output', value: { lease: toLease(lease), callId, data: Buffer.from(data) } };
    }
    case 'answer':
      return { $case: 'answer', value: toAnswer(message.answer) };
    case 'heartbeat':
      return { $case: 'heartbeat', value: { leases: message.leases.map((lease) => toLease(lease)) } };
    case 'draining':
      return { $case: 'draining', value: {} };
  }
}

export function toLease({ workId, token }: Lease): executor.Lease {
  return { workId, token };
}

function toAnswer({ lease, callId, outcome, text, isError, code, durationMs }: CallAnswer): executor.Answer {
  return {
    lease: toLease(lease),
    callId,
    outcome: outcomes[outcome],
    text,
    isError,
    code,
    durationMs: Math.min(uint32Max, durationMs),
  };
}

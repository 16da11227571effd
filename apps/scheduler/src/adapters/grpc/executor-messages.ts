import { executor as wire } from '@sallyport/contracts';
import { isPrefixedId } from '@sallyport/ids';
import type { Answer } from '../../application/lane.ts';
import type { Registration } from '../../application/register-executor.ts';
import type { HeldLease } from '../../ports/work-queue.ts';

const idShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const reasonShape = /^[a-z][a-z0-9_]{0,63}$/;
const keyCharactersMax = 256;
const shortTextMax = 64;
const listMax = 64;
const heldMax = 1_000;
const slotsMax = 1_000;
const outputBytesMax = 64 * 1024;

const outcomes = {
  [wire.CallOutcome.DONE]: 'done',
  [wire.CallOutcome.TIMED_OUT]: 'timed_out',
  [wire.CallOutcome.CANCELLED]: 'cancelled',
  [wire.CallOutcome.LOST]: 'lost',
  [wire.CallOutcome.REFUSED]: 'refused',
} as const;

/** What comes from an executor is believed only as far as it has the right shape. Undefined: it has not. */
export function readRegistration(register: wire.Register): Registration | undefined {
  const { capabilities, held } = register;
  if (capabilities === undefined || !idShape.test(register.executorId)) return undefined;
  if (register.environmentKey === '' || register.environmentKey.length > keyCharactersMax) return undefined;
  const { region, runtimes, labels, driver, checks, slots } = capabilities;
  const texts = [
    region,
    driver,
    register.version,
    ...runtimes,
    ...Object.keys(labels),
    ...Object.values(labels),
    ...checks.map(({ check }) => check),
  ];
  if (texts.some((text) => text.length > shortTextMax)) return undefined;
  if (runtimes.length > listMax || Object.keys(labels).length > listMax || checks.length > listMax) return undefined;
  if (slots < 1 || slots > slotsMax || held.length > heldMax) return undefined;
  const leases = held.map(readLease);
  if (leases.includes(undefined)) return undefined;
  return {
    protocolMin: register.protocolMin,
    protocolMax: register.protocolMax,
    executorId: register.executorId,
    environmentKey: register.environmentKey,
    version: register.version,
    region,
    runtimes,
    labels,
    driver,
    checks: checks.map(({ check, proved }) => ({ check, proved })),
    insecureNoIsolation: capabilities.insecureNoIsolation,
    slots,
    held: leases.filter((lease) => lease !== undefined),
  };
}

export function readLease(lease: wire.Lease | undefined): HeldLease | undefined {
  if (lease === undefined || !isPrefixedId('work', lease.workId)) return undefined;
  const token = Number(lease.token);
  return Number.isSafeInteger(token) && token > 0 ? { workId: lease.workId, token } : undefined;
}

export function readReason(reason: string): string | undefined {
  return reasonShape.test(reason) ? reason : undefined;
}

export function readAnswer(
  answer: wire.Answer,
  bytesMax: number,
): { readonly lease: HeldLease; readonly callId: string; readonly answer: Answer } | undefined {
  const lease = readLease(answer.lease);
  const outcome = answer.outcome === wire.CallOutcome.UNSPECIFIED ? undefined : outcomes[answer.outcome];
  if (lease === undefined || outcome === undefined || !isPrefixedId('call', answer.callId)) return undefined;
  if (answer.code !== '' && readReason(answer.code) === undefined) return undefined;
  if (Buffer.byteLength(answer.text) > bytesMax) return undefined;
  const { text, isError, code, callId } = answer;
  return { lease, callId, answer: { outcome, text, isError, code } };
}

export function readOutput(
  output: wire.Output,
): { readonly lease: HeldLease; readonly callId: string; readonly data: Uint8Array } | undefined {
  const lease = readLease(output.lease);
  if (lease === undefined || !isPrefixedId('call', output.callId) || output.data.length > outputBytesMax)
    return undefined;
  return { lease, callId: output.callId, data: output.data };
}

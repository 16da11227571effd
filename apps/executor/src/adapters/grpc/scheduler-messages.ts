import type { executor } from '@sallyport/contracts';
import { isPrefixedId } from '@sallyport/ids';
import { fail, ok, type Result } from '@sallyport/result';

import type { Lease, Registered, SandboxRequirements, SchedulerMessage } from '../../domain/protocol-messages.ts';

/** The version of the protocol that this executor speaks. */
export const protocolVersion = 1;
export const argumentsBytesMax = 3 * 1024 * 1024;
const leasesMax = 1_000;
const traceparentCharactersMax = 256;

const shapes = {
  tool: /^[0-9A-Za-z_.-]{1,64}$/,
  word: /^[0-9a-z_.-]{0,64}$/,
} as const;

/** Ranges of what the scheduler decides. */
const bounds = {
  heartbeat_ms: [10, 60_000],
  lease_ms: [100, 3_600_000],
  call_bytes_max: [1_024, 64 * 1024 * 1024],
  deadline_ms: [1, 86_400_000],
  memory_mib: [0, 1_048_576],
  pids: [0, 4_194_304],
  cpu_millis: [0, 1_024_000],
  workspace_mib: [0, 16_777_216],
} as const satisfies Record<string, readonly [number, number]>;

/** A broken field, by its name. Caught in this file: the messages are nested, and each may be broken at any depth. */
class Malformed extends Error {
  readonly field: string;

  constructor(field: string) {
    super(field);
    this.field = field;
  }
}

/** What the scheduler says, with every field checked; else the field that is wrong, without its content. */
export function parseSchedulerMessage(response: executor.ConnectResponse): Result<SchedulerMessage, string> {
  try {
    return ok(parse(response.message));
  } catch (error) {
    if (error instanceof Malformed) return fail(error.field);
    throw error;
  }
}

function parse(message: executor.ConnectResponse['message']): SchedulerMessage {
  switch (message?.$case) {
    case 'registered':
      return { type: 'registered', registered: registeredOf(message.value) };
    case 'offer': {
      const { lease, sessionId, requirements } = message.value;
      return {
        type: 'offer',
        lease: leaseOf(lease),
        sessionId: identified('sesn', sessionId, 'offer.session_id'),
        requirements: requirementsOf(requirements),
      };
    }
    case 'call':
      return callOf(message.value);
    case 'cancel': {
      const callId = identified('call', message.value.callId, 'cancel.call_id');
      return { type: 'cancel', lease: leaseOf(message.value.lease), callId };
    }
    case 'answerAcknowledged': {
      const callId = identified('call', message.value.callId, 'answer_acknowledged.call_id');
      return { type: 'answerAcknowledged', callId };
    }
    case 'heartbeatAcknowledged':
      return { type: 'heartbeatAcknowledged', lost: leasesOf(message.value.lost, 'heartbeat_acknowledged.lost') };
    case 'release':
      return { type: 'release', lease: leaseOf(message.value.lease) };
    case 'drain':
      return { type: 'drain' };
    case undefined:
      throw new Malformed('message');
  }
}

function registeredOf(value: executor.Registered): Registered {
  if (value.protocol !== protocolVersion) throw new Malformed('registered.protocol');
  const heartbeatMs = within('heartbeat_ms', value.heartbeatMs);
  const leaseMs = within('lease_ms', value.leaseMs);
  if (leaseMs < 2 * heartbeatMs) throw new Malformed('registered.lease_ms');
  return {
    heartbeatMs,
    leaseMs,
    environmentId: identified('env', value.environmentId, 'registered.environment_id'),
    kept: leasesOf(value.kept, 'registered.kept'),
    callBytesMax: within('call_bytes_max', value.callBytesMax),
  };
}

function callOf({
  lease,
  callId,
  tool,
  argumentsJson,
  deadlineMs,
  traceparent,
}: executor.Call): Extract<SchedulerMessage, { type: 'call' }> {
  if (argumentsJson.length > argumentsBytesMax) throw new Malformed('call.arguments_json');
  if (traceparent.length > traceparentCharactersMax) throw new Malformed('call.traceparent');
  return {
    type: 'call',
    lease: leaseOf(lease),
    call: {
      callId: identified('call', callId, 'call.call_id'),
      tool: matched('tool', tool, 'call.tool'),
      argumentsJson,
      deadlineMs: within('deadline_ms', deadlineMs),
      traceparent,
    },
  };
}

function requirementsOf(value: executor.SandboxRequirements | undefined): SandboxRequirements {
  if (value === undefined) throw new Malformed('offer.requirements');
  return {
    tier: matched('word', value.tier, 'offer.requirements.tier'),
    runtime: matched('word', value.runtime, 'offer.requirements.runtime'),
    memoryMib: within('memory_mib', value.memoryMib),
    pids: within('pids', value.pids),
    cpuMillis: within('cpu_millis', value.cpuMillis),
    workspaceMib: within('workspace_mib', value.workspaceMib),
  };
}

function leasesOf(values: readonly executor.Lease[], field: string): readonly Lease[] {
  if (values.length > leasesMax) throw new Malformed(field);
  return values.map((value) => leaseOf(value));
}

function leaseOf(value: executor.Lease | undefined): Lease {
  if (value === undefined) throw new Malformed('lease');
  // A sandbox driver takes the token as a number.
  if (value.token < 1n || value.token > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed('lease.token');
  return { workId: identified('work', value.workId, 'lease.work_id'), token: value.token };
}

function identified(prefix: 'work' | 'sesn' | 'call' | 'env', id: string, field: string): string {
  if (!isPrefixedId(prefix, id)) throw new Malformed(field);
  return id;
}

function matched(shape: keyof typeof shapes, text: string, field: string): string {
  if (!shapes[shape].test(text)) throw new Malformed(field);
  return text;
}

function within(name: keyof typeof bounds, value: number): number {
  const [least, most] = bounds[name];
  if (value < least || value > most) throw new Malformed(name);
  return value;
}

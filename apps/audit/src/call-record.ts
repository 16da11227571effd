import { callEnvelope, type CallEventBody } from '@sallyport/audit-events';

/** Envelopes as the router writes them, for tests; all of one source unless told otherwise. */
export interface RecordOptions {
  readonly id?: number;
  readonly callId?: string;
  readonly seq?: number;
  readonly source?: string;
  readonly workspaceId?: string;
  readonly tool?: string;
  readonly event?: CallEventBody;
}

export function callRecord(
  number: number,
  options: RecordOptions = {},
): { readonly key: string; readonly value: string } {
  const {
    id = number,
    callId = `call_${number}`,
    source = 'router/1',
    workspaceId = 'wrkspc_1',
    tool = 'echo',
  } = options;
  const stamp = {
    id: `00000000-0000-7000-8000-${String(id).padStart(12, '0')}`,
    source,
    sequence: BigInt(number),
    timeMs: Date.parse('2026-11-23T10:00:00Z') + number,
    key: 'session-1',
  };
  const subject = {
    callId,
    workspaceId,
    actor: { principalId: 'apikey_1', authentication: 'api_key' as const, clientIp: '127.0.0.1' },
    tool: { name: tool, server: 'sample', primitive: 'tool' as const },
    request: { jsonrpcId: '1', protocolVersion: '2025-11-25', era: 'legacy' as const },
    route: { tunnelId: 'tnl_1', host: 'sample.internal', mode: 'end_to_end' as const, routerUnauthenticated: false },
    arguments: { commitment: 'c'.repeat(64), bytes: 12 },
  };
  const event: CallEventBody = options.event ?? { phase: 'requested', trigger: 'agent' };
  return { key: stamp.key, value: callEnvelope(stamp, subject, options.seq ?? 1, event) };
}

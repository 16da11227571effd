import {
  type CallEventBody,
  callEnvelope,
  type CallSubject,
  type ControlEventBody,
  controlEnvelope,
  type EnvelopeStamp,
} from '@sallyport/audit-events';

const stamp: EnvelopeStamp = {
  id: '0198c0de-0000-7000-8000-00000000c0de',
  source: 'router/0198c0de-0000-7000-8000-000000000001',
  sequence: 42n,
  timeMs: Date.UTC(2026, 10, 23, 12, 0, 0, 123),
  key: 'tnl_0jc1vqg0000r00000000000001/apikey_0jc1vqg0000r00000000000002',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

const workspaceId = 'wrkspc_0jc1vqg0000r00000000000003';
const tunnelId = 'tnl_0jc1vqg0000r00000000000001';
const apiKeyId = 'apikey_0jc1vqg0000r00000000000002';
const sha256 = 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c';

const subject: CallSubject = {
  callId: 'call_0jc1vqg0000r00000000000004',
  workspaceId,
  actor: { principalId: apiKeyId, authentication: 'api_key', clientIp: '192.0.2.7' },
  tool: { name: 'create_ticket', server: 'tickets', primitive: 'tool' },
  request: { jsonrpcId: '7', protocolVersion: '2026-07-28', era: 'modern' },
  route: { tunnelId, host: 'tickets.x7k2m9q4.tunnels.example', mode: 'end_to_end', routerUnauthenticated: false },
  arguments: { commitment: sha256, bytes: 214 },
};

const decision = {
  effect: 'allow',
  policyId: 'pol_0jc1vqg0000r00000000000005',
  policySha256: sha256,
  ruleId: 'tickets-write',
  reason: 'rule_allows',
} as const;
const outcome = {
  status: 'ok',
  httpStatus: 200,
  durationMs: 182,
  effect: 'reported',
  result: { commitment: sha256, bytes: 1_031 },
} as const;

const calls: readonly CallEventBody[] = [
  { phase: 'requested', trigger: 'agent' },
  { phase: 'authorized', decision },
  { phase: 'dispatched', attempt: 1, deadlineMs: 3_600_000 },
  { phase: 'denied', decision: { ...decision, effect: 'deny', ruleId: '', reason: 'no_rule_allows' } },
  { phase: 'completed', outcome },
  { phase: 'failed', outcome: { ...outcome, status: 'tool_error' } },
  {
    phase: 'timed_out',
    outcome: {
      status: 'deadline',
      durationMs: 300_000,
      effect: 'unknown',
      code: 'response_head_timeout',
      cancelForwarded: true,
    },
  },
  {
    phase: 'cancelled',
    outcome: { status: 'client_cancelled', durationMs: 5_210, effect: 'unknown', cancelForwarded: true },
  },
  { phase: 'orphaned', outcome: { status: 'lease_lost', durationMs: 31_004, effect: 'unknown' }, owner: stamp.source },
  { phase: 'late_result', outcome },
];

const ids = { workspaceId, tunnelId };
const certificateId = 'tcrt_0jc1vqg0000r00000000000006';
const environment = { workspaceId, environmentId: 'env_0jc1vqg0000r00000000000007' };
const environmentKeyId = 'envkey_0jc1vqg0000r00000000000008';
const sessionId = 'sesn_0jc1vqg0000r00000000000009';
const executor = { ...environment, executorId: '0198c0de-0000-7000-8000-00000000e0e0', environmentKeyId };
const lease = {
  ...environment,
  sessionId,
  workId: 'work_0jc1vqg0000r0000000000000a',
  executorId: executor.executorId,
  leaseToken: 2,
};
const controls: readonly ControlEventBody[] = [
  { name: 'workspace_created', body: { workspaceId, name: 'Platform' } },
  { name: 'api_key_created', body: { workspaceId, apiKeyId, name: 'support agent', scopes: ['call'] } },
  { name: 'api_key_revoked', body: { workspaceId, apiKeyId } },
  { name: 'policy_changed', body: { workspaceId, policyId: decision.policyId, policySha256: sha256, rules: 3 } },
  {
    name: 'tunnel_created',
    body: { ...ids, displayName: 'Tickets', domain: 'x7k2m9q4.tunnels.example', mode: 'end_to_end' },
  },
  { name: 'tunnel_archived', body: ids },
  { name: 'tunnel_token_revealed', body: { ...ids, tokenId: stamp.id } },
  { name: 'tunnel_token_rotated', body: { ...ids, tokenId: stamp.id, reason: 'quarterly' } },
  { name: 'tunnel_certificate_registered', body: { ...ids, certificateId, fingerprint: sha256 } },
  { name: 'tunnel_certificate_archived', body: { ...ids, certificateId } },
  { name: 'environment_created', body: { ...environment, name: 'build', requiredTier: 'namespace' } },
  { name: 'environment_archived', body: environment },
  { name: 'environment_key_created', body: { ...environment, environmentKeyId, name: 'worker hosts' } },
  { name: 'environment_key_revoked', body: { ...environment, environmentKeyId } },
  { name: 'session_created', body: { ...environment, sessionId } },
  { name: 'session_archived', body: { ...environment, sessionId } },
  { name: 'session_refused', body: { workspaceId, sessionId, callId: subject.callId, reason: 'unknown_session' } },
  {
    name: 'executor_connected',
    body: {
      ...executor,
      version: 'sallyport/0.1.0',
      tier: 'namespace',
      insecureNoIsolation: false,
      region: 'eu-1',
      slots: 8,
      unproved: ['cpu_bounded'],
    },
  },
  { name: 'executor_refused', body: { ...executor, reason: 'capabilities_contradict' } },
  { name: 'executor_drained', body: executor },
  { name: 'executor_disconnected', body: { ...executor, reason: 'connection_lost' } },
  { name: 'lease_claimed', body: lease },
  { name: 'lease_ended', body: { ...lease, reason: 'lease_expired' } },
  { name: 'audit_read', body: { workspaceId, operation: 'show_call', callId: subject.callId } },
];

const ledgerOrigin = 'ledger.example/audit/x7k2m9q4/1/sallyport.toolcall.v1/p0';
const irregular = {
  topic: 'sallyport.toolcall.v1',
  offset: 41,
  leafIndex: 40,
  rawBase64: Buffer.from('{"not":"an event"}').toString('base64'),
};
const ledgers: readonly (readonly [name: string, data: object])[] = [
  [
    'checkpoint',
    {
      origin: ledgerOrigin,
      size: 41,
      rootHash: sha256,
      note: `${ledgerOrigin}\n41\n${Buffer.from(sha256, 'hex').toString('base64')}\n\n— ${ledgerOrigin} …\n`,
    },
  ],
  ['conflict', { ...irregular, reason: 'same-id-other-bytes' }],
  ['unparseable', { ...irregular, reason: 'not-an-envelope' }],
];

function ledgerEnvelope(name: string, data: object): string {
  const { id, timeMs } = stamp;
  return JSON.stringify({
    data,
    datacontenttype: 'application/json',
    id,
    source: 'audit/x7k2m9q4',
    specversion: '1.0',
    subject: ledgerOrigin,
    time: new Date(timeMs).toISOString(),
    type: `sallyport.ledger.${name}.v1`,
  });
}

/** One envelope of every type, those of calls and of control made by the same code as the real ones. */
export function sampleEnvelopes(): ReadonlyMap<string, string> {
  const seqOf: Partial<Record<CallEventBody['phase'], number>> = {
    requested: 1,
    authorized: 2,
    denied: 2,
    dispatched: 3,
    late_result: 5,
  };
  const controlStamp = { ...stamp, source: stamp.source.replace('router', 'control'), key: workspaceId };
  return new Map([
    ...calls.map(
      (event) =>
        [`sallyport.toolcall.${event.phase}.v1`, callEnvelope(stamp, subject, seqOf[event.phase] ?? 4, event)] as const,
    ),
    ...controls.map(
      (event) => [`sallyport.control.${event.name}.v1`, controlEnvelope(controlStamp, apiKeyId, event)] as const,
    ),
    ...ledgers.map(([name, data]) => [`sallyport.ledger.${name}.v1`, ledgerEnvelope(name, data)] as const),
  ]);
}

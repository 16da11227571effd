import { describe, expect, it } from 'vitest';
import type { CallEventBody } from './call-event.ts';
import type { CallSubject } from './call-subject.ts';
import { callEnvelope, controlEnvelope } from './envelope.ts';
import { envelopeSchemas } from './envelope-schemas.ts';
import { payloadCommitment } from './payload-commitment.ts';

const subject: CallSubject = {
  callId: 'call_1',
  workspaceId: 'wrkspc_1',
  actor: { principalId: 'apikey_1', authentication: 'api_key', clientIp: '127.0.0.1' },
  tool: { name: 'write “file”', server: 'files', primitive: 'tool' },
  request: { jsonrpcId: '7', protocolVersion: '2026-07-28', era: 'modern' },
  route: { tunnelId: 'tnl_1', host: 'files.x.example', mode: 'end_to_end', routerUnauthenticated: false },
  arguments: { commitment: 'ab', bytes: 2 },
};
const stamp = {
  id: '0198c0de-0000-7000-8000-000000000000',
  source: 'router/a',
  sequence: 3n,
  timeMs: 0,
  key: 'tnl_1/apikey_1',
  traceparent: '00-a-b-01',
};
const outcome = { status: 'ok', durationMs: 3, effect: 'reported' } as const;
const decision = {
  effect: 'allow',
  policyId: 'pol_1',
  policySha256: 'ff',
  ruleId: 'r',
  reason: 'rule_allows',
} as const;
const events: readonly CallEventBody[] = [
  { phase: 'requested', trigger: 'agent' },
  { phase: 'authorized', decision },
  { phase: 'denied', decision: { ...decision, effect: 'deny', reason: 'no_rule_allows', ruleId: '' } },
  { phase: 'dispatched', attempt: 1, deadlineMs: 1000 },
  { phase: 'completed', outcome },
  { phase: 'failed', outcome: { ...outcome, status: 'tool_error' } },
  { phase: 'timed_out', outcome: { ...outcome, status: 'deadline' } },
  { phase: 'cancelled', outcome: { ...outcome, status: 'client_cancelled', cancelForwarded: true } },
  { phase: 'orphaned', outcome: { ...outcome, status: 'lease_lost', effect: 'unknown' }, owner: 'router/a' },
  { phase: 'late_result', outcome },
];

describe('envelopes', () => {
  it.each(events)('$phase is canonical and fits its published schema', (event) => {
    const text = callEnvelope(stamp, subject, 1, event);
    const parsed: unknown = JSON.parse(text);
    const known = envelopeSchemas.find(({ type }) => type === `sallyport.toolcall.${event.phase}.v1`);
    expect(known?.schema.parse(parsed)).toEqual(parsed);
    expect(text.startsWith('{"data":{"actor":{"authentication"')).toBe(true);
    expect(text.length).toBeLessThan(8_192);
  });

  it('refuses what has no canonical form instead of publishing something else', () => {
    expect(() =>
      callEnvelope(stamp, { ...subject, tool: { ...subject.tool, name: '\ud800' } }, 1, {
        phase: 'requested',
        trigger: 'agent',
      }),
    ).toThrow(/canonical/);
  });

  it('control events name their object and who acted', () => {
    const text = controlEnvelope(stamp, 'apikey_9', {
      name: 'tunnel_archived',
      body: { workspaceId: 'wrkspc_1', tunnelId: 'tnl_1' },
    });
    const known = envelopeSchemas.find(({ type }) => type === 'sallyport.control.tunnel_archived.v1');
    expect(known?.schema.parse(JSON.parse(text))).toMatchObject({ data: { actorId: 'apikey_9', tunnelId: 'tnl_1' } });
  });
});

describe('payload commitments', () => {
  const commit = (key: string, callId: string, field: 'arguments' | 'result', ...chunks: string[]) => {
    const commitment = payloadCommitment(Buffer.from(key), callId, field);
    for (const chunk of chunks) commitment.update(Buffer.from(chunk));
    return commitment.finish();
  };

  it('depend on key, call, field and payload, and not on how the payload is cut', () => {
    const one = commit('k', 'call_1', 'arguments', '{"a":1}');
    expect(commit('k', 'call_1', 'arguments', '{"a"', ':1}')).toEqual(one);
    const others = [
      commit('q', 'call_1', 'arguments', '{"a":1}'),
      commit('k', 'call_2', 'arguments', '{"a":1}'),
      commit('k', 'call_1', 'result', '{"a":1}'),
      commit('k', 'call_1', 'arguments', '{"a":2}'),
    ];
    expect(new Set([one, ...others].map(({ commitment }) => commitment)).size).toBe(5);
    expect(one.bytes).toBe(7);
  });
});

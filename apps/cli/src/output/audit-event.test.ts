import { describe, expect, it } from 'vitest';

import { auditJson, auditLine, parseLedgerEvent } from './audit-event.ts';

const event = (data: object, type = 'sallyport.toolcall.completed.v1') => ({
  origin: 'o',
  leaf_index: 3,
  envelope: JSON.stringify({ data, id: 'x', time: '2026-01-02T03:04:05.678Z', type, zebra: 1 }),
});
const call = {
  callId: 'call_1',
  phase: 'completed',
  seq: 4,
  tool: { name: 'echo', server: 'sample' },
  outcome: { status: 'ok', durationMs: 7 },
};

describe('ledger events', () => {
  it('shows a call in one line', () => {
    expect(auditLine(parseLedgerEvent(event(call))!)).toBe(
      '2026-01-02T03:04:05.678Z  completed    sample/echo  call_1  #4  ok 7 ms',
    );
  });

  it('shows a decision with its rule', () => {
    const denied = { ...call, phase: 'denied', outcome: undefined, decision: { reason: 'rule_denies', ruleId: 'r1' } };
    expect(auditLine(parseLedgerEvent(event(denied, 'sallyport.toolcall.denied.v1'))!)).toContain('rule_denies r1');
  });

  it('shows what is no call with its actor and its texts', () => {
    const line = auditLine(
      parseLedgerEvent(
        event({ actorId: 'apikey_1', workspaceId: 'w', tunnelId: 'tnl_1' }, 'sallyport.control.tunnel_created.v1'),
      )!,
    );
    expect(line).toMatch(/tunnel_created +by apikey_1 +tunnelId=tnl_1$/);
  });

  it('shows who read which call', () => {
    const read = event(
      { actorId: 'apikey_1', callId: 'call_1', operation: 'show_call' },
      'sallyport.control.audit_read.v1',
    );
    expect(auditLine(parseLedgerEvent(read)!)).toMatch(/audit_read +by apikey_1 +callId=call_1 +operation=show_call$/);
  });

  it('lets no control character of a client reach a terminal', () => {
    const evil = { ...call, tool: { name: 'a\u001b[2J\nb\u009b\u202e', server: 'sample' } };
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(auditLine(parseLedgerEvent(event(evil))!)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it('keeps every field and its order for programs', () => {
    const parsed = parseLedgerEvent(event(call))!;
    expect(JSON.stringify(auditJson(parsed)['envelope'])).toBe(event(call).envelope);
  });

  it.each([
    undefined,
    {},
    { origin: 'o', leaf_index: 1, envelope: '{' },
    { origin: 'o', leaf_index: 1, envelope: '{}' },
    { origin: 'o', leaf_index: '1', envelope: event(call).envelope },
  ])('takes %j for no event', (value) => {
    expect(parseLedgerEvent(value)).toBeUndefined();
  });
});

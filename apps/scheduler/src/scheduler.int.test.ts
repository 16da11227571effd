import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { executor as wire, sandbox } from '@sallyport/contracts';
import { reasonOf } from '@sallyport/grpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SchedulerBed } from './testing/scheduler-bed.ts';
import { answerTo } from './testing/scripted-executor.ts';

const { CallEndPhase: phase } = sandbox;
const { CallOutcome: outcome } = wire;
const refusal = (call: { readonly end: Promise<unknown> }) =>
  call.end.then(
    () => 'ended',
    (error: ServiceError) => reasonOf(error) ?? error.message,
  );
const lifeCycle = (end: string) => ['1 requested', '2 authorized', '3 dispatched', `4 ${end}`];

describe('the scheduler', () => {
  let bed: SchedulerBed;
  beforeAll(async () => {
    bed = await SchedulerBed.start();
  });
  afterAll(() => bed.stop());
  const recorded = async (callId: string, phases: readonly string[]): Promise<void> => {
    await expect.poll(() => bed.phases(callId), { timeout: 15_000 }).toEqual(phases);
  };

  it('runs a call on an executor, with output, and records it', async () => {
    const executor = await bed.executor();
    executor.onCall = (call) => {
      executor.send({ $case: 'output', value: { lease: call.lease, callId: call.callId, data: Buffer.from('he') } });
      executor.answer(call, { text: 'hello' });
    };
    const session = await bed.session();
    for (let round = 0; round < 3; round += 1) {
      const call = await bed.call(session);
      expect(await call.end).toMatchObject({ phase: phase.COMPLETED, text: 'hello', isError: false });
      expect(Buffer.concat(call.output).toString()).toBe('he');
      await recorded(call.callId, lifeCycle('completed'));
    }
    expect(executor.received.filter(({ $case }) => $case === 'offer')).toHaveLength(1);
    const failed = await bed.call(session);
    executor.onCall = (call) => executor.answer(call, { text: 'no', isError: true });
    await failed.end;
    const tool = await bed.call(session);
    expect(await tool.end).toMatchObject({ phase: phase.FAILED, text: 'no', isError: true });
    await recorded(tool.callId, lifeCycle('failed'));
    executor.close();
  });

  it('refuses what is wrong before anything is recorded, and records arguments that do not fit, and a denial', async () => {
    const session = await bed.session();
    const none = 'sesn_00000000000000000000000000';
    expect(await refusal(await bed.call(none))).toBe('unknown_session');
    expect(await refusal(await bed.call(session, {}, 'bash', 'wrkspc_other'))).toBe('unknown_session');
    const attempts = async () =>
      (await bed.published()).filter(({ type }) => type === 'sallyport.control.session_refused.v1');
    await expect
      .poll(async () => (await attempts()).map(({ data }) => data), { timeout: 5_000 })
      .toMatchObject([{ sessionId: none }, { sessionId: session, workspaceId: 'wrkspc_other' }]);
    const misfit = await bed.call(session, { command: 'x', timeout_ms: 0 });
    expect(await misfit.end).toMatchObject({ phase: phase.FAILED, isError: true, code: 'invalid_arguments' });
    expect((await misfit.end).text).toContain('timeout_ms');
    await recorded(misfit.callId, ['1 requested', '2 authorized', '3 failed']);
    bed.control.rules = bed.control.rules.map((rule) => ({ ...rule, name: 'read' }));
    bed.control.changed();
    await sleep(100);
    const denied = await bed.call(session);
    expect(await denied.end).toMatchObject({ phase: phase.DENIED, denialReason: 'no_rule_allows' });
    await recorded(denied.callId, ['1 requested', '2 denied']);
    bed.control.rules = bed.control.rules.map((rule) => ({ ...rule, name: '*' }));
    bed.control.changed();
  });

  it('ends a call whose executor is gone, and tells the next one that its sandbox is new', async () => {
    const first = await bed.executor();
    const session = await bed.session();
    first.onCall = (call) => first.answer(call);
    await (
      await bed.call(session)
    ).end;
    first.onCall = () => first.close();
    const orphan = await bed.call(session);
    expect(await orphan.end).toMatchObject({ phase: phase.ORPHANED, code: 'lease_expired' });
    await recorded(orphan.callId, lifeCycle('orphaned'));
    const second = await bed.executor();
    second.onCall = (call) => second.answer(call, { text: 'on' });
    const next = await (await bed.call(session)).end;
    expect(next.text).toMatch(/^\[The previous sandbox of this session is gone: its executor is gone.*\]\non$/s);
    expect((await (await bed.call(session)).end).text).toBe('on');
    const tokens = [...first.received, ...second.received].flatMap((message) =>
      message.$case === 'offer' ? [message.value.lease?.token] : [],
    );
    expect(tokens).toEqual([1n, 2n]);
    second.close();
  });

  it('keeps leases over a reconnect, and gives out the call again, which the executor knows', async () => {
    const first = await bed.executor();
    const session = await bed.session();
    const given = new Promise<wire.Call>((resolve) => {
      first.onCall = resolve;
    });
    const call = await bed.call(session);
    await given;
    const held = [...first.held];
    first.close();
    const again = await bed.executor({ executorId: first.executorId, held });
    expect((await again.next('registered')).kept).toEqual(held);
    again.answer(await again.next('call'), { text: 'after all' });
    expect(await call.end).toMatchObject({ phase: phase.COMPLETED, text: 'after all' });
    again.close();
  });

  it('takes an answer once, notes late ones, and acknowledges each', async () => {
    const executor = await bed.executor({ beats: false });
    const session = await bed.session();
    executor.onCall = (call) => {
      executor.answer(call, { text: 'one' });
      executor.answer(call, { text: 'two' });
    };
    const call = await bed.call(session);
    expect((await call.end).text).toBe('one');
    await executor.next('answerAcknowledged', 2);
    await recorded(call.callId, lifeCycle('completed'));
    const late = await bed.call(session);
    const given = new Promise<wire.Call>((resolve) => {
      executor.onCall = resolve;
    });
    const message = await given;
    expect(await late.end).toMatchObject({ phase: phase.ORPHANED });
    executor.answer(message, { text: 'too late' });
    await executor.next('answerAcknowledged', 3);
    await recorded(late.callId, [...lifeCycle('orphaned'), '5 late_result']);
    executor.answer(message, { text: 'too late' });
    await executor.next('answerAcknowledged', 4);
    await sleep(200);
    expect(await bed.phases(late.callId)).toHaveLength(5);
    executor.close();
  });

  it('cancels, keeps the deadline, and gives up an executor that does not obey', async () => {
    const executor = await bed.executor();
    const session = await bed.session();
    const begun = new Promise<void>((resolve) => {
      executor.onCall = () => resolve();
    });
    executor.onCancel = ({ lease, callId }) =>
      executor.send({
        $case: 'answer',
        value: answerTo(
          { lease, callId, tool: '', argumentsJson: Buffer.alloc(0), deadlineMs: 0, traceparent: '' },
          { outcome: outcome.CANCELLED, code: 'cancelled', text: '' },
        ),
      });
    const cancelled = await bed.call(session);
    await begun;
    cancelled.cancel();
    await recorded(cancelled.callId, lifeCycle('cancelled'));
    executor.onCancel = () => undefined;
    const overdue = await bed.call(session, { command: 'sleep 9', timeout_ms: 100 });
    expect(await overdue.end).toMatchObject({ phase: phase.TIMED_OUT, code: 'call_deadline' });
    await executor.next('release');
    await recorded(overdue.callId, lifeCycle('timed_out'));
    executor.close();
  });

  it('runs the calls of a session in order, one at a time, and refuses more than it can hold', async () => {
    const executor = await bed.executor();
    const session = await bed.session();
    const order: string[] = [];
    let inFlight = 0;
    executor.onCall = (call) => {
      inFlight += 1;
      expect(inFlight).toBe(1);
      order.push(String(JSON.parse(call.argumentsJson.toString()).command));
      setTimeout(() => {
        inFlight -= 1;
        executor.answer(call);
      }, 20);
    };
    const calls = [];
    for (let at = 0; at < 20; at += 1) calls.push(await bed.call(session, { command: String(at) }));
    const ends = await Promise.all(calls.map(refusal));
    expect(order).toEqual(order.toSorted((a, b) => Number(a) - Number(b)));
    expect(ends.filter((end) => end === 'ended')).toHaveLength(order.length);
    expect(order.length).toBeGreaterThanOrEqual(17);
    executor.close();
  });

  it('fails a call that nobody takes in time', async () => {
    const environment = await bed.environment({ tier: 'namespace', region: 'moon' });
    const session = await bed.session(environment);
    const call = await bed.call(session);
    expect(await call.end).toMatchObject({ phase: phase.FAILED, code: 'no_executor' });
    await recorded(call.callId, ['1 requested', '2 authorized', '3 failed']);
  });

  it('gives turns to all workspaces of a shared environment, whoever asks more', async () => {
    const environment = await bed.environment({}, { organization: true });
    bed.allowKey('ek-shared', environment);
    const [loud, quiet] = ['wrkspc_loud', 'wrkspc_quiet'];
    const sessions = [
      ...(await Promise.all(Array.from({ length: 8 }, () => bed.session(environment, loud)))),
      ...(await Promise.all(Array.from({ length: 2 }, () => bed.session(environment, quiet)))),
    ];
    const calls = [];
    for (const [at, session] of sessions.entries())
      calls.push(await bed.call(session, { command: 'true' }, 'bash', at < 8 ? loud : quiet));
    await expect.poll(() => bed.queued(environment), { timeout: 5_000 }).toBe(10);
    const executor = await bed.executor({ key: 'ek-shared', slots: 10 });
    executor.onCall = (call) => executor.answer(call);
    for (const call of calls) expect(await call.end).toMatchObject({ phase: phase.COMPLETED });
    const offered = executor.received.flatMap((message) =>
      message.$case === 'offer' ? [message.value.sessionId] : [],
    );
    const turnOf = (session: string | undefined) => offered.indexOf(session ?? '');
    expect(Math.max(turnOf(sessions[8]), turnOf(sessions[9]))).toBeLessThan(4);
    executor.close();
  });

  describe('executors that are not to be trusted', () => {
    const turnedAway = async (options: Parameters<SchedulerBed['executor']>[0]) => (await bed.executor(options)).ended;

    it('are turned away with a reason', async () => {
      expect(await turnedAway({ key: 'ek-wrong' })).toBe('environment_key_unknown');
      expect(await turnedAway({ protocol: 2 })).toBe('protocol_unsupported');
      expect(await turnedAway({ proves: ['host_files_hidden'] })).toBe('capabilities_contradict');
      expect(await turnedAway({ driver: 'bare' })).toBe('capabilities_contradict');
      expect(await turnedAway({ insecure: true })).toBe('capabilities_contradict');
      expect(await turnedAway({ insecure: true, proves: [], driver: 'bare' })).toBe('isolation_insufficient');
      expect(await turnedAway({ executorId: 'not a uuid' })).toBe('protocol_violation');
      const refusals = async () =>
        (await bed.published()).filter(({ type }) => type === 'sallyport.control.executor_refused.v1').slice(-5);
      await expect
        .poll(async () => (await refusals()).map(({ data }) => Object(data).reason), { timeout: 5_000 })
        .toEqual([
          'environment_key_unknown',
          'capabilities_contradict',
          'capabilities_contradict',
          'capabilities_contradict',
          'isolation_insufficient',
        ]);
      expect((await refusals())[0]?.data).toMatchObject({ workspaceId: 'unknown', environmentKeyId: 'unknown' });
    });

    it('may run without isolation only where the environment says so, and every event says it', async () => {
      const environment = await bed.environment({ tier: 'none' });
      bed.allowKey('ek-bare', environment);
      const executor = await bed.executor({ key: 'ek-bare', insecure: true, proves: [], driver: 'bare' });
      executor.onCall = (call) => executor.answer(call);
      const call = await bed.call(await bed.session(environment));
      expect(await call.end).toMatchObject({ phase: phase.COMPLETED });
      await recorded(call.callId, lifeCycle('completed'));
      const events = (await bed.published()).filter(({ data }) => data.callId === call.callId);
      for (const { data } of events) expect(data['sandbox']).toMatchObject({ requiredTier: 'none' });
      expect(events.at(-1)?.data['sandbox']).toMatchObject({ executor: { tier: 'none', insecureNoIsolation: true } });
      executor.close();
    });

    it('are cut off when they answer for another, send garbage or flood', async () => {
      const honest = await bed.executor();
      const session = await bed.session();
      const given = new Promise<wire.Call>((resolve) => {
        honest.onCall = resolve;
      });
      const call = await bed.call(session);
      const message = await given;
      const thief = await bed.executor({ slots: 1 });
      await thief.next('registered');
      thief.answer(message, { text: 'stolen' });
      expect(await thief.ended).toBe('foreign_answer');
      honest.answer(message, { text: 'mine' });
      expect((await call.end).text).toBe('mine');
      const babbler = await bed.executor();
      await babbler.next('registered');
      babbler.stream.write({ message: undefined });
      expect(await babbler.ended).toBe('protocol_violation');
      const wrong = await bed.executor();
      await wrong.next('registered');
      wrong.send({ $case: 'sandboxReady', value: { lease: { workId: 'x', token: 0n }, startMs: 1 } });
      expect(await wrong.ended).toBe('protocol_violation');
      const flood = await bed.executor({ beats: false });
      await flood.next('registered');
      for (let at = 0; at < 12_000; at += 1) flood.send({ $case: 'heartbeat', value: { leases: [] } });
      expect(await flood.ended).toBe('too_fast');
      honest.close();
    });

    it('are cut off when they do not read, and others go on', async () => {
      const environment = await bed.environment({});
      bed.allowKey('ek-deaf', environment);
      const deaf = await bed.executor({ key: 'ek-deaf', beats: false });
      await deaf.next('registered');
      const sessions = await Promise.all(Array.from({ length: 8 }, () => bed.session(environment)));
      deaf.onCall = (message) => deaf.answer(message);
      for (const session of sessions) await (await bed.call(session)).end;
      deaf.onCall = () => undefined;
      deaf.stream.pause();
      const large = { file_path: 'x', content: 'x'.repeat(1_900_000) };
      const calls = [];
      for (const session of sessions) calls.push(await bed.call(session, large, 'write'));
      for (const call of calls) expect(['ORPHANED', 'FAILED']).toContain((await call.end).phase.slice(15));
      deaf.stream.resume();
      expect(await deaf.ended).toBe('too_slow');
      deaf.close();
    });

    it('lose everything at once when their key is revoked', async () => {
      bed.allowKey('ek-passing', bed.environmentId);
      const executor = await bed.executor({ key: 'ek-passing' });
      await executor.next('registered');
      for (const [sha256, { keyId }] of bed.control.keys)
        if (keyId === 'envkey_ek-passing') bed.control.keys.delete(sha256);
      bed.control.changed();
      expect(await executor.ended).toBe('environment_key_revoked');
    });
  });

  it('killed in the middle of a call, it comes back to the same sandboxes; the call is in the ledger as its executor answered it', async () => {
    const executor = await bed.executor();
    const session = await bed.session();
    executor.onCall = (call) => executor.answer(call, { text: 'before' });
    await (
      await bed.call(session)
    ).end;
    const given = new Promise<wire.Call>((resolve) => {
      executor.onCall = resolve;
    });
    const call = await bed.call(session);
    const message = await given;
    await recorded(call.callId, lifeCycle('').slice(0, 3));
    await bed.kill();
    expect(await refusal(call)).not.toBe('ended');
    await executor.ended;
    await bed.spawn();
    const again = await bed.executor({ executorId: executor.executorId, held: executor.held });
    expect((await again.next('registered')).kept).toEqual(executor.held);
    again.answer(message, { text: 'nobody hears it' });
    await again.next('answerAcknowledged');
    await recorded(call.callId, lifeCycle('completed'));
    again.onCall = (next) => again.answer(next, { text: 'the same sandbox' });
    expect((await (await bed.call(session)).end).text).toBe('the same sandbox');
    again.close();
  });

  it('has contiguous events and one end for every call', async () => {
    const ends = new Set(['completed', 'failed', 'timed_out', 'cancelled', 'orphaned', 'denied']);
    const callsWith = async (isWrong: (phases: readonly string[], seqs: readonly number[]) => boolean) => {
      const events = (await bed.published()).filter(({ data }) => data.seq !== undefined);
      const byCall = Map.groupBy(events, ({ data }) => String(data.callId));
      expect(byCall.size).toBeGreaterThan(30);
      return [...byCall.values()]
        .map((list) => list.map(({ data }) => [String(data.phase), data.seq ?? 0] as const))
        .filter((list) =>
          isWrong(
            list.map(([name]) => name),
            list.map(([, seq]) => seq),
          ),
        );
    };
    const endsOf = (phases: readonly string[]) => phases.filter((name) => ends.has(name)).length;
    await expect.poll(() => callsWith((phases) => endsOf(phases) === 0), { timeout: 15_000 }).toEqual([]);
    const isBroken = (phases: readonly string[], seqs: readonly number[]) =>
      endsOf(phases) !== 1 || seqs.some((seq, at) => seq !== at + 1);
    expect(await callsWith(isBroken)).toEqual([]);
  });
});

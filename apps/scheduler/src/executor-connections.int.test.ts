import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { sandbox } from '@sallyport/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SchedulerBed } from './testing/scheduler-bed.ts';

const { CallEndPhase: phase } = sandbox;

describe('the scheduler and the connections of executors', () => {
  let bed: SchedulerBed;
  beforeAll(async () => {
    bed = await SchedulerBed.start();
  });
  afterAll(() => bed.stop());

  it('drains an executor on request: it is told, gets no more work, and the request is recorded', async () => {
    const first = await bed.executor();
    await first.next('registered');
    await expect(bed.drain(randomUUID())).rejects.toMatchObject({ details: expect.stringContaining('is connected') });
    await expect(bed.drain(first.executorId, 'wrkspc_other')).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect(first.received.some(({ $case }) => $case === 'drain')).toBe(false);
    await bed.drain(first.executorId);
    await first.next('drain');
    const second = await bed.executor();
    second.onCall = (call) => second.answer(call, { text: 'by the second' });
    expect(await (await bed.call(await bed.session())).end).toMatchObject({ text: 'by the second' });
    const drained = async () =>
      (await bed.published()).filter(({ type }) => type === 'sallyport.control.executor_drained.v1');
    await expect
      .poll(async () => (await drained()).map(({ data }) => data), { timeout: 5_000 })
      .toMatchObject([{ actorId: 'apikey_test', executorId: first.executorId }]);
    first.close();
    second.close();
  });

  it('takes the second connection of an executor for the first, which it ends', async () => {
    const first = await bed.executor();
    await first.next('registered');
    const again = await bed.executor({ executorId: first.executorId });
    again.onCall = (call) => again.answer(call, { text: 'by the second connection' });
    expect(await first.ended).toBe('replaced');
    const call = await bed.call(await bed.session());
    expect(await call.end).toMatchObject({ text: 'by the second connection' });
    const dispatched = async () =>
      (await bed.published()).find(({ data }) => data.callId === call.callId && data.phase === 'dispatched')?.data;
    await expect.poll(dispatched, { timeout: 5_000 }).toMatchObject({ sandbox: { executor: { tier: 'namespace' } } });
    again.close();
  });

  it('lets the sessions of an archived environment go on, and takes no new executor for it', async () => {
    const environment = await bed.environment({});
    bed.allowKey('ek-archived', environment);
    const first = await bed.executor({ key: 'ek-archived' });
    first.onCall = (call) => first.answer(call);
    const session = await bed.session(environment);
    await (
      await bed.call(session)
    ).end;
    await bed.archive(environment);
    const held = [...first.held];
    first.close();
    const again = await bed.executor({ key: 'ek-archived', executorId: first.executorId, held });
    expect((await again.next('registered')).kept).toEqual(held);
    again.onCall = (call) => again.answer(call, { text: 'goes on' });
    expect(await (await bed.call(session)).end).toMatchObject({ phase: phase.COMPLETED, text: 'goes on' });
    expect(await (await bed.executor({ key: 'ek-archived' })).ended).toBe('environment_archived');
    again.close();
  });

  it('shuts out an executor whose key was revoked while it registered', async () => {
    const revoke = await bed.revocableKey('ek-revoked-early');
    bed.control.duringCheck = async () => {
      revoke();
      await sleep(200); // what control says of the change comes first
    };
    const executor = await bed.executor({ key: 'ek-revoked-early' });
    expect(await executor.ended).toBe('environment_key_revoked');
  });

  it('shuts out an executor whose key was revoked while control could not be asked, once it can', async () => {
    const revoke = await bed.revocableKey('ek-revoked-late');
    const other = await bed.executor();
    const executor = await bed.executor({ key: 'ek-revoked-late' });
    await executor.next('registered');
    await other.next('registered');
    bed.control.isAway = true;
    const checks = bed.control.keyChecks;
    revoke();
    await expect.poll(() => bed.control.keyChecks, { timeout: 5_000 }).toBeGreaterThan(checks + 2);
    bed.control.isAway = false;
    expect(await executor.ended).toBe('environment_key_revoked');
    other.onCall = (call) => other.answer(call, { text: 'goes on' });
    expect(await (await bed.call(await bed.session())).end).toMatchObject({ text: 'goes on' });
    other.close();
  });

  it('does not let in an executor whose connection ended while it registered', async () => {
    const environment = await bed.environment({});
    bed.allowKey('ek-gone', environment);
    const gone = new Promise<void>((resolve) => {
      bed.control.duringCheck = async () => {
        leaver.close();
        await sleep(200);
        resolve();
      };
    });
    const leaver = await bed.executor({ key: 'ek-gone' });
    await gone;
    const events = async () =>
      (await bed.published()).filter(({ data }) => data['executorId'] === leaver.executorId).map(({ type }) => type);
    await expect
      .poll(events, { timeout: 5_000 })
      .toEqual(['sallyport.control.executor_connected.v1', 'sallyport.control.executor_disconnected.v1']);
    const successor = await bed.executor({ key: 'ek-gone' });
    successor.onCall = (call) => successor.answer(call, { text: 'by the successor' });
    expect(await (await bed.call(await bed.session(environment))).end).toMatchObject({ text: 'by the successor' });
    successor.close();
  });

  it('takes as many executors as it is set to, and tells the next one', async () => {
    const small = await SchedulerBed.start({ SCHEDULER_EXECUTORS_MAX: '1' });
    const first = await small.executor();
    await first.next('registered');
    expect(await (await small.executor()).ended).toBe('too_many_executors');
    first.close();
    await first.ended;
    await expect
      .poll(async () => {
        const next = await small.executor();
        return Promise.race([next.ended, next.next('registered').then(() => 'registered')]);
      })
      .toBe('registered');
    await small.stop();
  });

  it('ends a connection on which nobody registers, and says so', { timeout: 15_000 }, async () => {
    const silent = await bed.executor({ isSilent: true });
    expect(await silent.ended).toBe('registration_late');
  });
});

import { randomUUID } from 'node:crypto';
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
});

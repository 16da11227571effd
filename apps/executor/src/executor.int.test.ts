import { status } from '@grpc/grpc-js';
import { executor as wire } from '@sallyport/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { closingMs, type ExecutorService } from './executor-service.ts';
import { environmentKey, ExecutorBed } from './testing/executor-bed.ts';
import { FakeDriver } from './testing/fake-driver.ts';
import { idOf, isLease, type FakeScheduler } from './testing/fake-scheduler.ts';
import { FakeTools } from './testing/fake-tools.ts';

let bed: ExecutorBed;
let scheduler: FakeScheduler;
let address: string;
let driver: FakeDriver;
let tools: FakeTools;
let service: ExecutorService;

beforeAll(async () => {
  bed = await ExecutorBed.open();
});
afterAll(() => bed.close());

beforeEach(async () => {
  ({ scheduler, address } = await bed.scheduler());
  driver = new FakeDriver();
  tools = new FakeTools();
});

afterEach(async () => {
  await service.stop(closingMs);
  await scheduler.stop();
  expect([...driver.live.keys()]).toEqual([]);
});

async function start(): Promise<void> {
  ({ service } = await bed.executor(await bed.environment(address), driver, tools));
  await service.start();
}

describe('registration', () => {
  it('says who it is and what it can, then how much it takes', async () => {
    driver.leftovers = [{ driver: 'namespace', id: 'x', key: 'sesn_old', attempt: 3 }];
    await start();
    expect(driver.events).toEqual(['reap sesn_old 3']);
    const register = await scheduler.next('register');
    expect(register).toMatchObject({ protocolMin: 1, protocolMax: 1, environmentKey, held: [] });
    expect(register.executorId).toMatch(/^[0-9a-f-]{36}$/);
    expect(register.capabilities).toMatchObject({ driver: 'namespace', slots: 4, insecureNoIsolation: false });
    expect(register.capabilities?.checks.length).toBeGreaterThan(10);
    expect((await scheduler.next('credits')).offers).toBe(4);
  });

  it('is refused for good before and after it was registered', async () => {
    scheduler.refusals = [{ code: status.UNAUTHENTICATED, reason: 'environment_key_unknown' }];
    await expect(start()).rejects.toThrow(
      /^refused for good \(environment_key_unknown\): .*EXECUTOR_ENVIRONMENT_KEY_FILE/,
    );
  });

  it('dials again after every other end', async () => {
    scheduler.refusals = [
      { code: status.UNAVAILABLE, reason: 'database_unavailable' },
      { code: status.ABORTED, reason: 'replaced' },
    ];
    await start();
    await scheduler.next('credits');
    expect(scheduler.all('register')).toHaveLength(3);
  });

  it.each([
    ['a protocol that it does not speak', { protocol: 2 }],
    ['a lease shorter than two heartbeats', { heartbeatMs: 1_000, leaseMs: 1_500 }],
    ['a limit of nothing', { callBytesMax: 0 }],
    ['an environment without a name', { environmentId: '../etc' }],
  ])('leaves a scheduler that says %s', async (_, registered) => {
    scheduler.registered = registered;
    const starting = start();
    await scheduler.next('register', () => true, 2);
    scheduler.registered = {};
    await starting;
    await scheduler.next('credits');
  });
});

describe('a session', () => {
  it('gets a sandbox with the limits of the offer, and the executor’s own where it names none', async () => {
    await start();
    scheduler.offer('a', 7, { memoryMib: 128 });
    await scheduler.next('accept', (value) => isLease(value.lease, 'a', 7));
    await scheduler.next('sandboxReady', (value) => isLease(value.lease, 'a', 7));
    expect(driver.specs[0]).toEqual({
      key: idOf('sesn_a'),
      attempt: 7,
      runtime: 'host',
      limits: { memoryMib: 128, pids: 256, cpuMillis: 1_000, workspaceMib: 512 },
      env: {},
    });
    await scheduler.next('credits', ({ offers }) => offers === 3);
    scheduler.release('a', 7);
    await scheduler.next('credits', ({ offers }) => offers === 4, 2);
    expect(driver.events).toEqual(['create sesn_a 7', 'destroy sesn_a 7']);
  });

  it('is declined where it does not fit, and lost where its sandbox does not start', async () => {
    await start();
    scheduler.offer('tier', 1, { tier: 'microvm' });
    scheduler.offer('runtime', 1, { runtime: 'python' });
    scheduler.offer('large', 1, { memoryMib: 999_999 });
    for (const [work, reason] of [
      ['tier', 'tier_unavailable'],
      ['runtime', 'runtime_unavailable'],
      ['large', 'limit_exceeded'],
    ] as const) {
      expect((await scheduler.next('decline', (value) => isLease(value.lease, work, 1))).reason).toBe(reason);
    }
    for (const each of ['b', 'c', 'd', 'e']) scheduler.offer(each, 1);
    scheduler.offer('f', 1);
    expect((await scheduler.next('decline', (value) => isLease(value.lease, 'f', 1))).reason).toBe('no_capacity');
    scheduler.release('b', 1);
    await scheduler.next('credits', ({ offers }) => offers === 1, 2);
    scheduler.offer('g', 1, {}, 'sesn_bad');
    expect((await scheduler.next('sandboxLost')).reason).toBe('start_failed');
  });

  it('ignores an old token; a newer one gets a new sandbox once the old is gone', async () => {
    await start();
    await scheduler.take('a', 5);
    scheduler.call('a', 5, 'call_long', 'sleep', { ms: 60_000 });
    await expect.poll(() => tools.runs).toEqual(['sleep']);
    scheduler.release('a', 4);
    scheduler.cancel('a', 4, 'call_long');
    scheduler.offer('a', 4);
    scheduler.call('a', 4, 'call_old', 'echo');
    expect(await scheduler.answer('call_old')).toMatchObject({
      outcome: wire.CallOutcome.REFUSED,
      code: 'lease_unknown',
    });
    expect((await scheduler.next('decline')).reason).toBe('lease_stale');
    expect(driver.events).toEqual(['create sesn_a 5']);
    await scheduler.take('a', 6);
    expect(await scheduler.answer('call_long')).toMatchObject({
      outcome: wire.CallOutcome.LOST,
      code: 'lease_replaced',
    });
    expect(driver.events).toEqual(['create sesn_a 5', 'destroy sesn_a 5', 'create sesn_a 6']);
  });

  it('is lost with its sandbox, after the answer of its call', async () => {
    await start();
    await scheduler.take('a', 1);
    scheduler.call('a', 1, 'call_1', 'die');
    const answer = await scheduler.answer('call_1');
    expect(answer).toMatchObject({ outcome: wire.CallOutcome.LOST, code: 'sandbox_died', isError: true });
    expect((await scheduler.next('sandboxLost')).reason).toBe('sandbox_died');
    const order = scheduler.requests.map(({ $case }) => $case);
    expect(order.indexOf('answer')).toBeLessThan(order.indexOf('sandboxLost'));
    await scheduler.take('b', 1);
    driver.live.get('sesn_b')?.die();
    await scheduler.next('sandboxLost', (value) => isLease(value.lease, 'b', 1));
  });
});

describe('a call', () => {
  beforeEach(async () => {
    await start();
    await scheduler.take('a', 1);
  });

  it('streams its output and answers', async () => {
    scheduler.call('a', 1, 'call_1', 'stream', { bytes: 200_000 });
    const answer = await scheduler.answer('call_1');
    expect(answer).toMatchObject({ outcome: wire.CallOutcome.DONE, isError: false, code: '' });
    expect(answer.text.length).toBe(200_000);
    const pieces = scheduler.all('output');
    for (const { data, callId } of pieces) {
      expect(data.length).toBeLessThanOrEqual(65_536);
      expect(callId).toBe(idOf('call_1'));
    }
    const output = Buffer.concat(pieces.map(({ data }) => data));
    expect(output.length).toBeGreaterThan(0);
    expect(output.every((byte, index) => byte === index % 251)).toBe(true);
  });

  it('is cut to what the scheduler takes', async () => {
    scheduler.call('a', 1, 'call_1', 'stream', { bytes: 3_000_000 });
    const answer = await scheduler.answer('call_1');
    const outputBytes = scheduler.all('output').reduce((sum, { data }) => sum + data.length, 0);
    expect(outputBytes).toBeLessThanOrEqual(500_000);
    expect(Buffer.byteLength(answer.text) + outputBytes).toBeLessThanOrEqual(1_000_000);
    expect(answer.text).toMatch(/\[cut: [^]*\]$/);
  });

  it('ends at a cancel and at its deadline; a tool that does not takes its sandbox with it', async () => {
    scheduler.call('a', 1, 'call_1', 'sleep', { ms: 60_000 });
    scheduler.cancel('a', 1, 'call_1');
    expect(await scheduler.answer('call_1')).toMatchObject({
      outcome: wire.CallOutcome.CANCELLED,
      code: 'cancelled',
    });
    scheduler.call('a', 1, 'call_2', 'sleep', { ms: 60_000 }, 50);
    const late = await scheduler.answer('call_2');
    expect(late).toMatchObject({ outcome: wire.CallOutcome.TIMED_OUT, code: 'deadline_exceeded' });
    expect(late.durationMs).toBeGreaterThanOrEqual(49);
    expect(driver.live.size).toBe(1);
    scheduler.call('a', 1, 'call_3', 'stubborn', {}, 50);
    expect(await scheduler.answer('call_3')).toMatchObject({ outcome: wire.CallOutcome.TIMED_OUT });
    expect((await scheduler.next('sandboxLost')).reason).toBe('sandbox_died');
  });

  it('is refused beside another, for an unknown lease, and with arguments that are none', async () => {
    scheduler.call('a', 1, 'call_1', 'sleep', { ms: 60_000 });
    scheduler.call('a', 1, 'call_2', 'echo');
    scheduler.call('b', 1, 'call_3', 'echo');
    const refused = wire.CallOutcome.REFUSED;
    expect(await scheduler.answer('call_2')).toMatchObject({ outcome: refused, code: 'call_in_flight' });
    expect(await scheduler.answer('call_3')).toMatchObject({ outcome: refused, code: 'lease_unknown' });
    scheduler.cancel('a', 1, 'call_1');
    await scheduler.answer('call_1');
    scheduler.call('a', 1, 'call_4', 'nonsense');
    expect(await scheduler.answer('call_4')).toMatchObject({ outcome: refused, code: 'invalid_arguments' });
    scheduler.call('a', 1, 'call_5', 'throw');
    expect(await scheduler.answer('call_5')).toMatchObject({
      outcome: wire.CallOutcome.LOST,
      code: 'executor_failed',
    });
  });

  it('runs once, however often it comes; a repeat gets the same answer', async () => {
    scheduler.call('a', 1, 'call_1', 'echo', { text: 'once' });
    await scheduler.answer('call_1');
    scheduler.call('a', 1, 'call_1', 'echo', { text: 'twice' });
    expect((await scheduler.answer('call_1', 2)).text).toBe('once');
    scheduler.call('a', 1, 'call_2', 'sleep', { ms: 100, text: 'slow' });
    scheduler.call('a', 1, 'call_2', 'sleep', { ms: 100, text: 'slow' });
    await scheduler.answer('call_2');
    expect(tools.runs).toEqual(['echo once', 'sleep slow']);
  });
});

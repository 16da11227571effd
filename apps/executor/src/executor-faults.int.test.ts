import { status } from '@grpc/grpc-js';
import { executor as wire } from '@sallyport/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { closingMs, type ExecutorService } from './executor-service.ts';
import { ExecutorBed } from './testing/executor-bed.ts';
import { FakeDriver } from './testing/fake-driver.ts';
import { idOf, isLease, lease, type FakeScheduler } from './testing/fake-scheduler.ts';
import { FakeTools } from './testing/fake-tools.ts';

let bed: ExecutorBed;
let scheduler: FakeScheduler;
let address: string;
let driver: FakeDriver;
let tools: FakeTools;
let service: ExecutorService;
let reports: string[];
let drains: () => number;

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
  ({ service, reports, drains } = await bed.executor(await bed.environment(address), driver, tools));
  await service.start();
}

describe('a stream that is cut', () => {
  it('keeps leases, resends what was not acknowledged, and runs nothing twice', async () => {
    // Longer than any wait before the second reconnection.
    scheduler.registered = { heartbeatMs: 100, leaseMs: 5_000 };
    await start();
    await scheduler.take('a', 1);
    scheduler.acknowledgesAnswers = false;
    scheduler.call('a', 1, 'call_1', 'echo', { text: 'one' });
    await scheduler.answer('call_1');
    scheduler.call('a', 1, 'call_2', 'sleep', { ms: 800, text: 'over the cut' });
    await expect.poll(() => tools.runs.length).toBe(2);
    scheduler.cut(status.UNAVAILABLE, 'restart');
    const register = await scheduler.next('register', () => true, 2);
    expect(register.held).toEqual([lease('a', 1)]);
    expect(register.executorId).toBe(scheduler.all('register')[0]?.executorId);
    expect((await scheduler.answer('call_1', 2)).text).toBe('one');
    scheduler.acknowledgesAnswers = true;
    scheduler.call('a', 1, 'call_1', 'echo', { text: 'one' });
    await scheduler.answer('call_1', 3);
    expect((await scheduler.answer('call_2')).text).toBe('slept');
    expect(tools.runs).toEqual(['echo one', 'sleep over the cut']);
    scheduler.cut(status.UNAVAILABLE, 'again');
    await scheduler.next('register', () => true, 3);
    await scheduler.next('credits', () => true, 4);
    expect(scheduler.answers('call_1')).toHaveLength(3);
    expect(driver.events).toEqual(['create sesn_a 1']);
  });

  it('destroys what the scheduler does not keep', async () => {
    await start();
    await scheduler.take('a', 1);
    await scheduler.take('b', 1);
    scheduler.keeps = ({ workId }) => workId === idOf('work_b');
    scheduler.cut(status.UNAVAILABLE, 'restart');
    await expect.poll(() => driver.events, { timeout: 5_000 }).toContain('destroy sesn_a 1');
    expect(driver.live.has('sesn_b')).toBe(true);
    scheduler.call('b', 1, 'call_1', 'echo', { text: 'still here' });
    expect((await scheduler.answer('call_1')).text).toBe('still here');
  });

  it('because an answer is foreign does not end the next one too', async () => {
    await start();
    await scheduler.take('a', 1);
    scheduler.acknowledgesAnswers = false;
    scheduler.call('a', 1, 'call_1', 'echo');
    await scheduler.answer('call_1');
    scheduler.release('a', 1);
    await expect.poll(() => driver.live.size).toBe(0);
    scheduler.cut(status.INVALID_ARGUMENT, 'foreign_answer');
    await scheduler.next('register', () => true, 2);
    await scheduler.next('credits', () => true, 4);
    expect(scheduler.answers('call_1')).toHaveLength(1);
  });

  it('says that a sandbox died meanwhile', async () => {
    await start();
    await scheduler.take('a', 1);
    scheduler.keeps = () => true;
    scheduler.cut(status.UNAVAILABLE, 'restart');
    await expect.poll(() => driver.live.size).toBe(1);
    driver.live.get('sesn_a')?.die();
    const second = await scheduler.next('register', () => true, 2);
    expect(second.held).toEqual([]);
    expect(driver.live.size).toBe(0);
  });
});

describe('a scheduler that goes silent', () => {
  it('loses its sandboxes when the lease is over, measured from the last acknowledged heartbeat', async () => {
    scheduler.registered = { heartbeatMs: 50, leaseMs: 600 };
    await start();
    await scheduler.take('a', 1);
    await scheduler.next('heartbeat', ({ leases }) => leases.length === 1, 15);
    expect(driver.live.size).toBe(1); // kept alive beyond its first end
    scheduler.acknowledgesHeartbeats = false;
    scheduler.call('a', 1, 'call_1', 'sleep', { ms: 60_000 });
    const silentAtMs = performance.now();
    await expect.poll(() => driver.live.size, { interval: 5, timeout: 3_000 }).toBe(0);
    expect(performance.now() - silentAtMs).toBeLessThan(600);
    expect(await scheduler.answer('call_1')).toMatchObject({ outcome: wire.CallOutcome.LOST, code: 'lease_expired' });
    await scheduler.next('register', () => true, 2);
  });

  it('does not read: output is left out, not piled up', async () => {
    scheduler.registered = { heartbeatMs: 1_000, leaseMs: 20_000, callBytesMax: 64 * 1024 * 1024 };
    await start();
    await scheduler.take('a', 1);
    scheduler.stream.pause();
    const beforeBytes = process.memoryUsage().rss;
    for (let index = 0; index < 40; index += 1) {
      scheduler.call('a', 1, `call_${index}`, 'flood', { bytes: 20_000_000 });
      await expect.poll(() => tools.ended, { timeout: 5_000 }).toBe(index + 1);
    }
    const grownMib = (process.memoryUsage().rss - beforeBytes) / 1_048_576;
    scheduler.stream.resume();
    await scheduler.answer('call_39');
    const output = scheduler.all('output').reduce((sum, { data }) => sum + data.length, 0);
    // 800 MB were written. What left is what flow control and one message let through, for each call.
    expect(output).toBeLessThan(10_000_000);
    expect(grownMib).toBeLessThan(200);
  });

  it('is gone altogether: the sandbox ends by itself', async () => {
    scheduler.registered = { heartbeatMs: 50, leaseMs: 500 };
    await start();
    await scheduler.take('a', 1);
    await scheduler.stop();
    const goneAtMs = performance.now();
    await expect.poll(() => driver.live.size, { interval: 5, timeout: 3_000 }).toBe(0);
    expect(performance.now() - goneAtMs).toBeLessThan(500);
  });

  it.each([
    [
      'an offer without a lease',
      { $case: 'offer', value: { lease: undefined, sessionId: idOf('sesn_a'), requirements: undefined } },
    ],
    [
      'a path for a session',
      {
        $case: 'offer',
        value: {
          lease: lease('a', 1),
          sessionId: '../../etc',
          requirements: { tier: '', runtime: '', memoryMib: 0, pids: 0, cpuMillis: 0, workspaceMib: 0 },
        },
      },
    ],
    ['a token of zero', { $case: 'release', value: { lease: lease('a', 0) } }],
    ['a token too large', { $case: 'release', value: { lease: { workId: idOf('work_a'), token: 2n ** 60n } } }],
    [
      'a call without a deadline',
      {
        $case: 'call',
        value: {
          lease: lease('a', 1),
          callId: idOf('call_1'),
          tool: 'echo',
          argumentsJson: Buffer.from('{}'),
          deadlineMs: 0,
          traceparent: '',
        },
      },
    ],
    [
      'a tool that is a path',
      {
        $case: 'call',
        value: {
          lease: lease('a', 1),
          callId: idOf('call_1'),
          tool: '/bin/sh',
          argumentsJson: Buffer.from('{}'),
          deadlineMs: 5,
          traceparent: '',
        },
      },
    ],
    [
      'a second registration',
      {
        $case: 'registered',
        value: {
          protocol: 1,
          heartbeatMs: 100,
          leaseMs: 2_000,
          environmentId: idOf('env_x'),
          kept: [],
          callBytesMax: 10_000,
        },
      },
    ],
  ] as const)('or sends %s: the stream is left', async (_, message) => {
    await start();
    scheduler.send(message as Parameters<FakeScheduler['send']>[0]);
    await scheduler.next('register', () => true, 2);
    expect(driver.events).toEqual([]);
  });
});

describe('the end', () => {
  it('lets the running call finish, says what is lost, and ends the stream', async () => {
    await start();
    await scheduler.take('a', 1);
    await scheduler.take('b', 1);
    scheduler.call('a', 1, 'call_1', 'sleep', { ms: 300 });
    await expect.poll(() => tools.runs.length).toBe(1);
    const stopped = service.stop(5_000 + closingMs);
    await scheduler.next('draining');
    scheduler.call('b', 1, 'call_2', 'echo');
    scheduler.offer('c', 1);
    expect(await scheduler.answer('call_2')).toMatchObject({ code: 'executor_stopping' });
    expect((await scheduler.next('decline')).reason).toBe('draining');
    expect((await scheduler.answer('call_1')).text).toBe('slept');
    for (const work of ['a', 'b']) {
      const lost = await scheduler.next('sandboxLost', (value) => isLease(value.lease, work, 1));
      expect(lost.reason).toBe('executor_stopping');
    }
    await stopped;
    await expect.poll(() => scheduler.ended).toBe(1);
    expect(driver.live.size).toBe(0);
  });

  it('does not wait for a call for ever', async () => {
    await start();
    await scheduler.take('a', 1);
    scheduler.call('a', 1, 'call_1', 'sleep', { ms: 60_000 });
    await expect.poll(() => tools.runs.length).toBe(1);
    await service.stop(200 + closingMs);
    expect(await scheduler.answer('call_1')).toMatchObject({
      outcome: wire.CallOutcome.LOST,
      code: 'executor_stopping',
    });
  });

  it('comes when the scheduler asks for it', async () => {
    await start();
    scheduler.send({ $case: 'drain', value: {} });
    await scheduler.next('draining');
    expect((await scheduler.next('credits', ({ offers }) => offers === 0)).offers).toBe(0);
    expect(drains()).toBe(1);
    expect(reports).toEqual([]);
  });
});

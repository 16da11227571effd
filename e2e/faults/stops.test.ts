import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { postgresPids } from '../harness/postgres-pids.ts';
import { verifies } from '../harness/verifies.ts';
import { BothHalves, type Recovery } from './both-halves.ts';
import { form, report } from './form.ts';
import { startKafkaUnderFault } from './kafka-under-fault.ts';

const stopMs = form.name === 'full' ? [3_000, 40_000] : [3_000];
const kafka = await startKafkaUnderFault();
const services = ['router', 'edge', 'audit', 'scheduler', 'executor', 'control'] as const;
type Victim = (typeof services)[number] | 'connector' | 'postgres' | 'broker';
const victims: readonly Victim[] = [
  ...services,
  'connector',
  'postgres',
  ...(kafka === undefined ? [] : ['broker' as const]),
];

/** A stopped process is what a dead network looks like to its peers: connections stand, and nothing comes. */
describe('processes that stand still, one after the other, while both halves are at work', () => {
  let halves: BothHalves;
  beforeAll(async () => {
    halves = await BothHalves.start(kafka?.brokers);
  });
  afterAll(async () => {
    await halves?.stop();
    await kafka?.stop();
  });
  const pidsOf = (victim: Victim): readonly number[] => {
    const { suite, tunnel } = halves;
    if (victim === 'broker') return [kafka?.local.pid ?? 0];
    if (victim === 'connector') return [tunnel.connector.pid ?? 0];
    return victim === 'postgres' ? postgresPids(suite.ready.dataDir) : [suite.pidOf(victim)];
  };

  verifies(
    'campaign:stops',
    async () => {
      const load = halves.load({ tunnel: 4, sandboxes: 2 });
      await load.workAgain();
      const recoveryMs: Record<string, Recovery[]> = {};
      for (const ms of stopMs)
        for (const victim of victims) {
          const pids = pidsOf(victim);
          for (const pid of pids) process.kill(pid, 'SIGSTOP');
          await sleep(ms);
          for (const pid of pids) resume(pid);
          (recoveryMs[victim] ??= []).push(await load.workAgain());
        }
      await load.stop();
      const { wrong, figures } = await load.verdicts();
      expect(wrong).toEqual([]);
      report('stops', { stopMs, recoveryMs, ...figures });
    },
    form.name === 'full' ? 3_600_000 : 600_000,
    'sandbox',
  );
});

/** It may have been replaced meanwhile. */
function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    return;
  }
}

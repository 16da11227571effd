import { setTimeout as sleep } from 'node:timers/promises';
import { auditTopic } from '@sallyport/audit-events';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { postgresPids } from '../harness/postgres-pids.ts';
import { runCliWithin } from '../harness/run-cli.ts';
import type { Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';
import { BothHalves, type Recovery } from './both-halves.ts';
import { form, report } from './form.ts';
import { startKafkaUnderFault } from './kafka-under-fault.ts';
import { LedgerAudit } from './ledger-audit.ts';
import { integerBelow, randomNumbers, seed } from './random.ts';
import { signedRoots, TopicReader } from './topic-reader.ts';

const kafka = await startKafkaUnderFault();
const lostShare = 0.05;
const eventsPerCall = 4;
/** From the last kill until every call has ended: leases, the sweeper's grace, restarts with their back-off. */
const settleMsMax = 240_000;
/** A million events, beside a load that takes both cores. */
const rebuildMsMax = 30 * 60_000;
const victims = [
  'router',
  'edge',
  'connector',
  'audit',
  'scheduler',
  'executor',
  'control',
  'postgres',
  'broker',
] as const;
type Victim = (typeof victims)[number];

describe.skipIf(kafka === undefined)('kills of every process, and lost acknowledgements', () => {
  const { direct = '', brokers = '' } = kafka ?? {};
  let halves: BothHalves;
  beforeAll(async () => {
    halves = await BothHalves.start(brokers);
  });
  afterAll(async () => {
    await halves?.stop();
    await kafka?.stop();
  });

  const kill = async (victim: Victim): Promise<void> => {
    const { suite, tunnel } = halves;
    if (victim === 'broker') {
      await kafka?.local.kill();
      await kafka?.local.restart();
    } else if (victim === 'postgres') {
      // The server itself with all its children: it recovers from its log. Its keeper sees it end, and ends too.
      for (const pid of postgresPids(suite.ready.dataDir)) killNow(pid);
    } else if (victim === 'connector') await tunnel.replaceConnector('SIGKILL');
    else process.kill(suite.pidOf(victim), 'SIGKILL');
  };

  verifies(
    'campaign:kills',
    async () => {
      const { suite, upstream } = halves;
      const random = randomNumbers();
      kafka?.loseShare(lostShare);
      const load = halves.load({ tunnel: 12, sandboxes: 2 });
      const { agents, sessions } = load;
      const recoveryMs: Record<string, Recovery[]> = {};
      const callsPerKill = Math.ceil(form.events / eventsPerCall / form.kills);
      const startedMs = performance.now();
      for (let done = 0; done < form.kills; done += 1) {
        const victim = victims[done % victims.length] ?? 'router';
        const before = agents.succeeded;
        while (agents.succeeded < before + callsPerKill) await sleep(50);
        await sleep(integerBelow(400, random));
        const killedMs = performance.now();
        const replaced = kill(victim);
        // Not only then: a half that does without the victim goes on.
        const [recovery] = await Promise.all([load.workAgain(killedMs), replaced]);
        (recoveryMs[victim] ??= []).push(recovery);
      }
      kafka?.loseShare(0);
      // While calls go on: the ledger is made again from the event log, and what was signed must come out the same.
      const { code, stdout, stderr } = await runCliWithin(
        rebuildMsMax,
        'audit',
        'rebuild',
        '--data',
        suite.ready.dataDir,
      );
      expect([code, stderr]).toEqual([0, stderr]);
      await load.stop();
      const loadMs = performance.now() - startedMs;

      const { audit, signed } = await settled(suite, direct);
      expect(audit.problems).toEqual([]);
      expect(audit.open()).toEqual([]);
      const differing = signed.filter(({ size, root }) => audit.rootAt.get(size) !== root);
      expect(differing).toEqual([]);
      expect(signed.length).toBeGreaterThan(1);
      expect(kafka?.lost()).toBeGreaterThan(0);
      const log = await toolcallLog(suite);
      expect(log).toMatchObject({ size: audit.roots.size, root: audit.roots.root() });
      expect([...agents.hung, ...sessions.hung]).toEqual([]);
      expect(sessions.repeated).toEqual([]);

      const wrong: string[] = [];
      for (const [traceId, times] of upstream.effects) {
        const callId = audit.byTrace.get(traceId);
        const call = callId === undefined ? undefined : audit.calls.get(callId);
        if (times !== 1) wrong.push(`${traceId}: it reached the server ${times} times`);
        if (call?.phases.startsWith(' requested authorized dispatched') !== true)
          wrong.push(`${traceId}: it reached the server, and the ledger says${call?.phases ?? ' nothing'}`);
      }
      for (const load of [agents, sessions])
        for (const [traceId, { callId, status, code: reason }] of load.calls) {
          const call = audit.calls.get(callId);
          if (status === 200 && call?.terminal !== 'completed')
            wrong.push(`${traceId} ${callId}: answered, and the ledger says${call?.phases ?? ' nothing'}`);
          if (callId !== '' && call === undefined && status === 200)
            wrong.push(`${callId} ${reason}: not in the ledger`);
        }
      expect(wrong.slice(0, 10)).toEqual([]);

      const ends: Record<string, number> = {};
      for (const { terminal = 'none' } of audit.calls.values()) ends[terminal] = (ends[terminal] ?? 0) + 1;
      report('kills', {
        seed,
        events: audit.roots.size,
        calls: audit.calls.size,
        ends,
        kills: form.kills,
        acknowledgementsLost: kafka?.lost(),
        recordsTwiceInTheTopic: audit.duplicates,
        sources: audit.sources,
        signedRoots: signed.length,
        loadS: Math.round(loadMs / 1_000),
        recoveryMs,
        rebuild: stdout.trim().split('\n').at(-1),
      });
    },
    form.name === 'full' ? 3 * 3_600_000 : 600_000,
    'sandbox',
  );
});

/** It may have ended by itself: the children of a server do, once it is gone. */
function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
}

/** Reads the topic until every call has ended and the ledger has what the topic has. */
async function settled(suite: Suite, brokers: string) {
  for (const untilMs = performance.now() + settleMsMax; ; await sleep(3_000)) {
    const signed = await signedRoots(brokers);
    const sizes = new Set(signed.map(({ size }) => size));
    const audit = new LedgerAudit();
    const reader = new TopicReader(brokers, auditTopic.toolcall);
    await reader.catchUp((value) => audit.take(value, sizes));
    await reader.close();
    const isWhole = audit.open().length === 0 && (await toolcallLog(suite)).size === audit.roots.size;
    if (isWhole || performance.now() > untilMs) return { audit, signed };
  }
}

async function toolcallLog(suite: Suite) {
  const { body } = await suite.control('GET', '/v1/audit/logs', suite.operatorKey);
  const logs = (body as { data: { topic: string; size: number; root: string }[] }).data;
  return logs.find(({ topic }) => topic === auditTopic.toolcall) ?? { size: -1, root: '' };
}

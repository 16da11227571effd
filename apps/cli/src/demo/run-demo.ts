import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { auditTopic } from '@sallyport/audit-events';
import { fail, ok, type Result } from '@sallyport/result';

import { auditLogs, callEvents, hasEnded, type LogState, rebuildLedger } from '../control/audit-requests.ts';
import { ControlClient } from '../control/control-client.ts';
import { exportTiles } from '../control/export-tiles.ts';
import { auditLine } from '../output/audit-event.ts';
import type { ReadyInfo } from '../output/ready-text.ts';
import type { Reporter } from '../output/reporter.ts';
import { type TouredCall, tourAgent } from './agent-tour.ts';
import { legacyAgent, modernAgent } from './agents.ts';
import { tourSandbox } from './sandbox-tour.ts';
import { verifyTilesApart } from './verify-tiles-process.ts';

export interface DemoCall {
  readonly callId: string;
  readonly tool: string;
  readonly answer: string;
}

export interface DemoSummary {
  readonly tunnelCall: DemoCall;
  /** Null where there is no executor. */
  readonly sandboxCall: DemoCall | null;
  /** The log of tool calls. */
  readonly ledger: { readonly size: number; readonly root: string; readonly verified: true };
}

type Step<Value> = Promise<Result<Value, string>>;
const recordedMsMax = 30_000;
const pollMs = 200;

/** The main job, end to end: two agents call tools through the tunnel, and an outsider's script proves from the exported ledger what happened. */
export async function runDemo(
  ready: ReadyInfo,
  operatorKey: string,
  reporter: Reporter,
  signal: AbortSignal,
): Step<DemoSummary> {
  const operator = new ControlClient({ url: ready.controlUrl, apiKey: operatorKey });
  const tiles = mkdtempSync(join(tmpdir(), 'sallyport-demo-'));
  try {
    const calls = await callTools(ready.tunnelMcpUrl, ready.apiKey, tourAgent, reporter);
    if (!calls.ok) return calls;
    const { sessionMcpUrl } = ready;
    const sandboxed =
      sessionMcpUrl === null ? ok([]) : await callTools(sessionMcpUrl, ready.apiKey, tourSandbox, reporter);
    if (!sandboxed.ok) return sandboxed;
    const recorded = await showEvents(operator, [...calls.value, ...sandboxed.value], reporter, signal);
    if (!recorded.ok) return recorded;
    const ledger = await proveLedger(operator, ready, tiles, reporter);
    if (!ledger.ok) return ledger;
    const tunnelCall = firstAnswered(calls.value);
    if (tunnelCall === undefined) return fail('no call was answered');
    return ok({ tunnelCall, sandboxCall: firstAnswered(sandboxed.value) ?? null, ledger: ledger.value });
  } catch (error) {
    return fail(
      signal.aborted ? 'interrupted' : `the demo failed: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    rmSync(tiles, { recursive: true, force: true });
    await operator.close();
  }
}

function firstAnswered(calls: readonly TouredCall[]): DemoCall | undefined {
  for (const { callId, tool, answer } of calls) if (answer !== undefined) return { callId, tool, answer };
  return undefined;
}

async function callTools(
  mcpUrl: string,
  apiKey: string,
  tour: typeof tourAgent,
  reporter: Reporter,
): Step<readonly TouredCall[]> {
  const calls: TouredCall[] = [];
  for (const connect of [legacyAgent, modernAgent]) {
    const agent = await connect(mcpUrl, apiKey);
    try {
      const toured = await tour(agent, (title, details) => reporter.demo(title, details));
      if (!toured.ok) return toured;
      calls.push(...toured.value);
    } finally {
      await agent.close().catch(() => undefined); // a session that cannot be ended says nothing about the calls
    }
  }
  return ok(calls);
}

/** Every call must be in the ledger with the end it had, its events numbered from 1 without a gap. */
async function showEvents(
  operator: ControlClient,
  calls: readonly TouredCall[],
  reporter: Reporter,
  signal: AbortSignal,
): Step<void> {
  for (const { callId, tool, agent, expectedEnd } of calls) {
    const until = Date.now() + recordedMsMax;
    let events = await callEvents(operator, callId);
    while (!(events.ok && hasEnded(events.value)) && Date.now() < until && !signal.aborted) {
      await sleep(pollMs);
      events = await callEvents(operator, callId);
    }
    if (!events.ok) return fail(`the events of ${callId} (${tool}) cannot be read: ${events.reason.message}`);
    const phases = events.value.map(({ envelope }) => envelope.data.phase);
    const isContiguous = events.value.every(({ envelope }, index) => envelope.data.seq === index + 1);
    if (phases.at(-1) !== expectedEnd || !isContiguous)
      return fail(`${callId} (${tool}) should have ended ${expectedEnd}; the ledger has: ${phases.join(', ')}`);
    reporter.demo(`events of ${callId} (${tool}, ${agent})`, events.value.map(auditLine));
  }
  return ok(undefined);
}

async function proveLedger(
  operator: ControlClient,
  ready: ReadyInfo,
  tiles: string,
  reporter: Reporter,
): Step<DemoSummary['ledger']> {
  const signed = await wholeToolcallLog(operator);
  if (!signed.ok) return signed;
  const { size, root, origin } = signed.value;
  const exported = await exportTiles(operator, join(tiles, 'export'));
  if (!exported.ok) return exported;
  const vkeys = join(tiles, 'vkeys');
  writeFileSync(vkeys, `${ready.auditVkeys.join('\n')}\n`);
  const verified = await verifyTilesApart(join(tiles, 'export'), vkeys);
  if (!verified.ok) return verified;
  reporter.demo(
    'exported tiles, verified by tools/verify-tiles, which shares no code with the product',
    verified.value,
  );
  if (!verified.value.some((line) => line.startsWith(`${auditTopic.toolcall}: `) && line.endsWith(`root ${root}`)))
    return fail(`the export does not have the root ${root} of ${size} leaves that the ledger reported`);
  const rebuilt = await rebuildLedger(operator, () => undefined);
  if (!rebuilt.ok) return fail(`the ledger could not be rebuilt: ${rebuilt.reason}`);
  const again = rebuilt.value.find((step) => step.origin === origin);
  if (again?.root !== root)
    return fail(`rebuilt from the event log, the ledger has the root ${again?.root ?? 'none'}, before it was ${root}`);
  reporter.demo('rebuilt the ledger from the event log', [`${size} leaves, the same root ${root}`]);
  return ok({ size, root, verified: true });
}

/** Waits until a checkpoint covers all events of calls. */
async function wholeToolcallLog(operator: ControlClient): Step<LogState> {
  for (const until = Date.now() + recordedMsMax; Date.now() < until; await sleep(pollMs)) {
    const logs = await auditLogs(operator);
    if (!logs.ok) return fail(logs.reason.message);
    const log = logs.value.find(({ topic }) => topic === auditTopic.toolcall);
    if (log !== undefined && log.size > 0 && log.signed_size === log.size) return ok(log);
  }
  return fail(`no checkpoint covered the calls within ${recordedMsMax / 1_000} s`);
}

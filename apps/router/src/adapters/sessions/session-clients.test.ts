import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { sandbox } from '@sallyport/contracts';
import { grpcFailure } from '@sallyport/grpc';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { complete, end, write } from '../../testing/scripted-scheduler.ts';
import { SessionBed, sessionId } from '../../testing/session-bed.ts';

const { CallEndPhase } = sandbox;
const callIdShape = /^call_[0-9a-z]{26}$/;

let bed: SessionBed;
beforeEach(async () => {
  bed = await SessionBed.start();
});
afterEach(() => bed.stop());

/** The part of both official clients that is the same. */
interface AnyClient {
  listTools(): Promise<{ readonly tools: readonly object[] }>;
  // oxlint-disable-next-line typescript/no-explicit-any -- the two SDKs name different types for the same messages
  callTool(params: any, ...rest: any[]): Promise<any>;
}

const eras = [
  ['SDK v1, legacy', 'legacy'],
  ['SDK v2, modern', 'modern'],
] as const;

describe.each(eras)('%s', (_name, era) => {
  const connect = (key?: string, session?: string): Promise<AnyClient> =>
    era === 'legacy' ? bed.legacyClient(key, session) : bed.modernClient(key, session);
  /** The two SDKs differ in where the options of a call stand. */
  const call = (client: AnyClient, args: object, options: object = {}) => {
    const params = { name: 'bash', arguments: args };
    return era === 'legacy' ? client.callTool(params, undefined, options) : client.callTool(params, options);
  };
  const failed = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );

  it('lists and calls', async () => {
    const client = await connect();
    const { tools } = await client.listTools();
    expect(tools).toMatchObject([
      { name: 'bash', description: 'The tool bash.', inputSchema: { type: 'object' } },
      { name: 'read' },
    ]);
    expect(bed.scheduler.listed.at(-1)).toEqual({
      sessionId,
      caller: { workspaceId: 'wrkspc_alice', principalId: 'apikey_alice', clientIp: '127.0.0.1' },
    });
    const result = await call(client, { command: 'echo "ü"' });
    expect(result).toMatchObject({ content: [{ type: 'text', text: 'ran bash' }] });
    expect(result.isError ?? false).toBe(false);
    const { request } = bed.scheduler.calls[0] ?? expect.unreachable();
    expect(request).toMatchObject({
      sessionId,
      tool: 'bash',
      callId: expect.stringMatching(callIdShape),
      modernEra: era === 'modern',
      protocolVersion: era === 'modern' ? '2026-07-28' : '2025-11-25',
      clientName: era === 'modern' ? 'v2' : '',
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0\d$/),
    });
    expect(JSON.parse(request.argumentsJson.toString())).toEqual({ command: 'echo "ü"' });
    expect(bed.callIds).toEqual([request.callId]);
  });

  it('gets output as progress, characters whole, before the result', async () => {
    const client = await connect();
    const told: { progress: number; message?: string }[] = [];
    const arrives = bed.scheduler.next();
    const result = call(client, {}, { onprogress: (progress: (typeof told)[number]) => told.push(progress) });
    const running = await arrives;
    const bytes = Buffer.from('first €');
    write(running, bytes.subarray(0, bytes.length - 1));
    await expect.poll(() => told.length).toBe(1);
    write(running, bytes.subarray(bytes.length - 1));
    write(running, ' second');
    await expect.poll(() => told.length).toBe(2);
    write(running, ' third');
    complete(running, 'done');
    expect(await result).toMatchObject({ content: [{ text: 'done' }] });
    expect(told.map(({ message }) => message)).toEqual(['first ', '€ second', ' third']);
    expect(told.map(({ progress }) => progress)).toEqual([8, 16, 22]);
    expect(bed.callIds).toEqual([running.request.callId]);
  });

  it('gets the result of a tool that failed, or was cut short, as a result', async () => {
    const client = await connect();
    const ends: [Partial<sandbox.CallEnd>, string][] = [
      [{ phase: CallEndPhase.FAILED, text: 'exit code 1', isError: true }, 'exit code 1'],
      [{ phase: CallEndPhase.COMPLETED, text: 'no such file', isError: true }, 'no such file'],
      [{ phase: CallEndPhase.TIMED_OUT, text: 'half', message: 'Ended after 5 s.' }, 'half\nEnded after 5 s.'],
      [{ phase: CallEndPhase.TIMED_OUT, message: 'Ended after 5 s.' }, 'streamed\nEnded after 5 s.'],
    ];
    for (const [wanted, text] of ends) {
      bed.scheduler.onCall = (running) => {
        write(running, 'streamed');
        end(running, wanted);
      };
      expect(await call(client, {})).toMatchObject({ isError: true, content: [{ type: 'text', text }] });
    }
  });

  it('gets a denial as an error that names the rule, and the call', async () => {
    const client = await connect();
    const denied = { phase: CallEndPhase.DENIED, ruleId: 'no-bash', denialReason: 'rule_denies' };
    bed.scheduler.onCall = (running) => end(running, denied);
    expect(await failed(call(client, {}))).toMatchObject({
      code: 4030,
      message: expect.stringContaining('policy'),
      data: {
        code: 'denied_by_policy',
        source: 'sallyport',
        reason: 'rule_denies',
        ruleId: 'no-bash',
        callId: bed.scheduler.calls[0]?.request.callId,
      },
    });
    expect(bed.callIds).toEqual([expect.stringMatching(callIdShape)]);
  });

  it.each([
    [CallEndPhase.FAILED, 'call_failed'],
    [CallEndPhase.ORPHANED, 'call_orphaned'],
    [CallEndPhase.CANCELLED, 'call_cancelled'],
  ])('gets the end %s without a result as an error, also in a stream that has begun', async (phase, code) => {
    const client = await connect();
    bed.scheduler.onCall = (running) => end(running, { phase, code: 'lease_lost', message: 'The executor is gone.' });
    const error = { message: expect.stringContaining('The executor is gone.'), data: { code, reason: 'lease_lost' } };
    expect(await failed(call(client, {}))).toMatchObject(error);
    const arrives = bed.scheduler.next();
    let told = 0;
    const result = failed(call(client, {}, { onprogress: () => (told += 1) }));
    const running = await arrives;
    write(running, 'output');
    await expect.poll(() => told).toBe(1);
    end(running, { phase, code: 'lease_lost', message: 'The executor is gone.' });
    expect(await result).toMatchObject(error);
  });

  it('cancels, and the sandbox is told', async () => {
    const client = await connect();
    const arrives = bed.scheduler.next();
    const abort = new AbortController();
    const result = failed(call(client, {}, { signal: abort.signal }));
    const running = await arrives;
    const cancelled = new Promise((resolve) => running.once('cancelled', resolve));
    abort.abort();
    await Promise.all([cancelled, result]);
  });

  it('is told at once that the session is not there, or not its own', async () => {
    bed.scheduler.refusesList = grpcFailure(status.NOT_FOUND, 'unknown_session', 'no');
    // The second SDK keeps the reason to itself.
    const words = era === 'legacy' ? 'unknown_session' : 'Version negotiation failed';
    expect(String(await failed(connect('sk-bob')))).toContain(words);
    expect(bed.scheduler.listed.at(-1)?.caller?.workspaceId).toBe('wrkspc_bob');
  });

  it('has many calls at once in one session', async () => {
    const client = await connect();
    bed.scheduler.onCall = (running) =>
      void sleep(Math.random() * 20).then(() => complete(running, running.request.argumentsJson.toString()));
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    const results = await Promise.all(numbers.map((n) => call(client, { n })));
    expect(results.map((result) => JSON.parse(result.content[0].text).n)).toEqual(numbers);
  });
});

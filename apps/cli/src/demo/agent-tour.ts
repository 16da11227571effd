import { fail, ok, type Result } from '@sallyport/result';

import { allowedTools, deniedTool } from '../suite/provisioning.ts';
import type { Agent, ToolAnswer } from './agents.ts';

/** A call of the demo, and how it is expected to end. */
export interface TouredCall {
  readonly agent: string;
  readonly tool: string;
  readonly callId: string;
  readonly expectedEnd: 'completed' | 'denied' | 'cancelled' | 'timed_out';
  readonly answer?: string;
}

type Say = (title: string, details?: readonly string[]) => void;
const slowSeconds = 2;
/** Long enough that only the cancellation ends it. */
const cancelledSeconds = 60;
const cancelAfterMs = 1_500;
const settleMsMax = 10_000;

/** What an agent can do with the sample server, one thing after the other; the first thing that is not as promised ends it. */
export async function tourAgent(agent: Agent, say: Say): Promise<Result<readonly TouredCall[], string>> {
  const tools = await agent.tools();
  if (tools.length !== allowedTools.length || !allowedTools.every((tool) => tools.includes(tool)))
    return fail(`${agent.name}: the list of tools is ${tools.join(', ')}, not ${allowedTools.join(', ')}`);
  say(`${agent.name}: tools/list`, [`${tools.join(', ')} (policy hides ${deniedTool})`]);
  const calls: TouredCall[] = [];
  for (const step of [callAllowed, callDenied, cancelSlow]) {
    const done = await step(agent, say);
    if (!done.ok) return done;
    calls.push(...done.value);
  }
  return ok(calls);
}

async function callAllowed(agent: Agent, say: Say): Promise<Result<readonly TouredCall[], string>> {
  const message = `hello through the tunnel, by ${agent.name}`;
  const progress: string[] = [];
  const onProgress = (done: number, total: number | undefined) => progress.push(`${done.toFixed(1)}/${total ?? '?'}`);
  const wanted = [
    { tool: 'echo', args: { message }, text: message },
    { tool: 'add', args: { a: 19, b: 23 }, text: '42' },
    { tool: 'slow', args: { seconds: slowSeconds }, text: `waited ${slowSeconds} s` },
  ] as const;
  const calls: TouredCall[] = [];
  for (const { tool, args, text } of wanted) {
    const answer: ToolAnswer = await agent.call(tool, args, tool === 'slow' ? { onProgress } : {});
    if (answer.isError || answer.text !== text)
      return fail(`${agent.name}: ${tool} answered ${answer.text.slice(0, 200)}`);
    if (answer.callId === '') return fail(`${agent.name}: ${tool} was answered without sallyport-call-id`);
    calls.push({ agent: agent.name, tool, callId: answer.callId, expectedEnd: 'completed', answer: answer.text });
    const saw = tool === 'slow' ? `, progress on the way: ${progress.join(', ')}` : '';
    say(`${agent.name}: ${tool} ${JSON.stringify(args)}`, [`${answer.text}${saw}`, answer.callId]);
  }
  return progress.length === 0 ? fail(`${agent.name}: slow reported no progress`) : ok(calls);
}

async function callDenied(agent: Agent, say: Say): Promise<Result<readonly TouredCall[], string>> {
  let refusal: string;
  try {
    const answer = await agent.call(deniedTool, {});
    if (!answer.isError)
      return fail(`${agent.name}: ${deniedTool} was not denied but answered ${answer.text.slice(0, 200)}`);
    refusal = answer.text;
  } catch (error) {
    refusal = error instanceof Error ? error.message : String(error);
  }
  const callId = agent.lastCallId() ?? '';
  say(`${agent.name}: ${deniedTool} {}`, [`denied: ${refusal}`, callId]);
  return ok([{ agent: agent.name, tool: deniedTool, callId, expectedEnd: 'denied' }]);
}

/** Cancels as the agent's era does it: by a notification in the legacy era, by closing the stream in the modern one. */
async function cancelSlow(agent: Agent, say: Say): Promise<Result<readonly TouredCall[], string>> {
  const before = agent.lastCallId();
  const cancel = new AbortController();
  const running = agent
    .call('slow', { seconds: cancelledSeconds }, { signal: cancel.signal, onProgress: () => undefined })
    .then(
      () => 'answered' as const,
      () => 'cancelled' as const,
    );
  await delay(cancelAfterMs);
  for (const until = Date.now() + settleMsMax; agent.lastCallId() === before && Date.now() < until;) await delay(50);
  const callId = agent.lastCallId() ?? '';
  if (callId === before) return fail(`${agent.name}: a slow call has no answer head after ${settleMsMax / 1_000} s`);
  cancel.abort(new Error('the demo has seen enough'));
  if ((await running) !== 'cancelled') return fail(`${agent.name}: a cancelled call was answered`);
  say(`${agent.name}: slow {"seconds":${cancelledSeconds}}, cancelled on the way`, [callId]);
  return ok([{ agent: agent.name, tool: 'slow', callId, expectedEnd: 'cancelled' }]);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

import { randomBytes } from 'node:crypto';

import { fail, ok, type Result } from '@sallyport/result';

import { sandboxTools } from '../suite/session-provisioning.ts';
import type { TouredCall } from './agent-tour.ts';
import type { Agent } from './agents.ts';

type Say = (title: string, details?: readonly string[]) => void;

const lateMs = 1_000;

/** What an agent can do in the sandbox of the demo session; the first thing that is not as promised ends it. */
export async function tourSandbox(agent: Agent, say: Say): Promise<Result<readonly TouredCall[], string>> {
  const tools = await agent.tools();
  if (tools.length !== sandboxTools.length || !sandboxTools.every((tool) => tools.includes(tool)))
    return fail(`${agent.name}: the list of the session's tools is ${tools.join(', ')}`);
  say(`${agent.name}: tools/list of the session`, [tools.join(', ')]);
  const mark = randomBytes(6).toString('hex');
  const calls: TouredCall[] = [];
  const steps: readonly Step[] = [
    { tool: 'bash', args: { command: `cd /tmp && export MARK=${mark} && id -un` }, shows: 'agent', end: 'completed' },
    { tool: 'bash', args: { command: 'pwd; echo $MARK' }, shows: `/tmp\n${mark}`, end: 'completed' },
    { tool: 'write', args: { file_path: 'note.txt', content: mark }, shows: 'wrote 12 bytes', end: 'completed' },
    { tool: 'read', args: { file_path: '/workspace/note.txt' }, shows: mark, end: 'completed' },
    { tool: 'bash', args: { command: 'sleep 60', timeout_ms: lateMs }, shows: '', end: 'timed_out' },
  ];
  for (const { tool, args, shows, end } of steps) {
    const answer = await agent.call(tool, args);
    if (!answer.text.includes(shows) || answer.isError !== (end !== 'completed'))
      return fail(`${agent.name}: ${tool} ${JSON.stringify(args)} answered ${answer.text.slice(0, 200)}`);
    if (answer.callId === '') return fail(`${agent.name}: ${tool} was answered without sallyport-call-id`);
    say(`${agent.name}: ${tool} ${JSON.stringify(args)}`, [answer.text.trim(), answer.callId]);
    calls.push({ agent: agent.name, tool, callId: answer.callId, expectedEnd: end, answer: answer.text });
  }
  return ok(calls);
}

interface Step {
  readonly tool: string;
  readonly args: Readonly<Record<string, string | number>>;
  readonly shows: string;
  readonly end: TouredCall['expectedEnd'];
}

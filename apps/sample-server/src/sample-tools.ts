import { setTimeout as sleep } from 'node:timers/promises';

import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

const messageCharactersMax = 64 * 1024;
const secondsMax = 600;
const progressEveryMs = 1_000;

/** An MCP server with the four tools of the demo. One instance serves one request or one legacy session. */
export function createSampleServer(): McpServer {
  const server = new McpServer({ name: 'sallyport-sample', version: '0.1.0' });
  server.registerTool(
    'echo',
    {
      description: 'Answers with the message.',
      inputSchema: z.object({ message: z.string().max(messageCharactersMax) }),
      annotations: { readOnlyHint: true },
    },
    ({ message }) => text(message),
  );
  server.registerTool(
    'add',
    {
      description: 'Answers with the sum of two numbers.',
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      annotations: { readOnlyHint: true },
    },
    ({ a, b }) => text(String(a + b)),
  );
  server.registerTool(
    'slow',
    {
      description: 'Takes the given number of seconds, reports progress every second, and stops when it is cancelled.',
      inputSchema: z.object({ seconds: z.number().min(0).max(secondsMax) }),
      annotations: { readOnlyHint: true },
    },
    async ({ seconds }, { mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      const startedMs = Date.now();
      const remainingMs = () => startedMs + seconds * 1_000 - Date.now();
      while (remainingMs() > 0) {
        await sleep(Math.min(progressEveryMs, remainingMs()), undefined, { signal: mcpReq.signal });
        if (progressToken === undefined) continue;
        const progress = Math.min((Date.now() - startedMs) / 1_000, seconds);
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: seconds, message: `${Math.floor(progress)} of ${seconds} s` },
        });
      }
      return text(`waited ${seconds} s`);
    },
  );
  server.registerTool(
    'forbidden',
    { description: 'Exists to be denied: the policy of the demo lets nobody call it.', inputSchema: z.object({}) },
    () => text('this tool was called, although the policy of the demo denies it'),
  );
  return server;
}

function text(value: string) {
  return { content: [{ type: 'text' as const, text: value }] };
}

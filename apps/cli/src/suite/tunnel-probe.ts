import { setTimeout as sleep } from 'node:timers/promises';

import { fail, ok, type Result } from '@sallyport/result';

const waitMsMax = 60_000;
const pollMs = 150;
const attemptMsMax = 10_000;
const version = '2026-07-28';

/** Waits until the tools of the MCP server can be listed through the whole tunnel. */
export async function waitForTunnel(
  mcpUrl: string,
  apiKey: string,
  signal: AbortSignal,
): Promise<Result<void, string>> {
  let last = 'no answer';
  for (const until = Date.now() + waitMsMax; Date.now() < until && !signal.aborted;) {
    const problem = await listTools(mcpUrl, apiKey, signal);
    if (problem === undefined) return ok(undefined);
    last = problem;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
  return fail(signal.aborted ? 'interrupted' : `the tunnel did not work within ${waitMsMax / 1_000} s: ${last}`);
}

async function listTools(mcpUrl: string, apiKey: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(mcpUrl, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': version,
        'mcp-method': 'tools/list',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/list',
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': version,
            'io.modelcontextprotocol/clientCapabilities': {},
            'io.modelcontextprotocol/clientInfo': { name: 'sallyport', version: '0.1.0' },
          },
        },
      }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMsMax)]),
    });
    const text = await response.text();
    return response.ok && text.includes('"tools"') ? undefined : `status ${response.status}, ${text.slice(0, 200)}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}

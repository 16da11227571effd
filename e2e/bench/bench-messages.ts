import { callBody, modernHeaders } from '../harness/mcp.ts';

/** What the upstream answers to everything: the id is the one of every request below. */
export const answerText = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: { content: [{ type: 'text', text: 'The quick brown fox jumps over the lazy dog.' }], isError: false },
});

const callText = callBody('echo', { message: 'Sphinx of black quartz, judge my vow.', repeat: 3, upperCase: false });

export interface Destination {
  readonly port: number;
  readonly path: string;
  readonly apiKey: string;
}

/** A modern `tools/call` as bytes on the wire. */
export function callRequest(to: Destination): Buffer {
  return httpRequest(to, modernHeaders('tools/call', 'echo'), callText);
}

/** A modern call of a session's shell. */
export function sessionCallRequest(to: Destination): Buffer {
  return httpRequest(to, modernHeaders('tools/call', 'bash'), callBody('bash', { command: 'true' }));
}

function httpRequest({ port, path, apiKey }: Destination, headers: Record<string, string>, body: string): Buffer {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([`POST ${path} HTTP/1.1`, ...lines, '', body].join('\r\n'));
}

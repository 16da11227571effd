import { type Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';

export interface ForwardTarget {
  readonly port: number;
  readonly path: string;
  /** Node's flat list, names as they were written. */
  readonly headers: readonly string[];
}

const badGateway = 502;
/** What speaks of one connection, and is written anew for the next. */
const ofConnection = new Set(['connection', 'keep-alive', 'proxy-connection']);

/**
 * Sends a request on to a port of this machine and its answer back: both bodies as they come, status, reason and headers as they are, in
 * their order. Whichever end goes away takes the other with it, so that a cancellation arrives and a broken answer stays broken.
 */
export function forwardRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  agent: Agent,
  { port, path, headers }: ForwardTarget,
): void {
  const { method } = incoming;
  const upstream = request({
    host: '127.0.0.1',
    port,
    agent,
    method,
    path,
    headers: withoutHeaders(headers, (name) => ofConnection.has(name)),
  });
  upstream.once('response', (answer) => {
    outgoing.sendDate = false; // the answer's own Date or none
    outgoing.writeHead(
      answer.statusCode ?? badGateway,
      answer.statusMessage,
      withoutHeaders(answer.rawHeaders, (name) => ofConnection.has(name)),
    );
    outgoing.flushHeaders(); // an event stream may be silent for long
    pipeline(answer, outgoing, () => undefined);
  });
  upstream.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(badGateway).end();
  });
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) upstream.destroy();
  });
  incoming.pipe(upstream);
}

/** Of a flat list of headers, those that are not `dropped`, which is asked with the name in lower case. */
export function withoutHeaders(raw: readonly string[], dropped: (name: string) => boolean): string[] {
  return raw.filter((_, at) => !dropped((raw[at - (at % 2)] ?? '').toLowerCase()));
}

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { outgoingPorts, portsBeside } from './port-range.ts';

const host = '127.0.0.1';
const triesMax = 100;
/** Given out by this process: who got one may not listen yet. */
const given = new Set<number>();

/**
 * The first of `inARow` neighbouring ports of 127.0.0.1 on which nothing listened a moment ago. Never the same twice in a process, and outside the range of
 * outgoing connections, where the system leaves room beside it. Rejects after 100 tries.
 */
export async function freeLoopbackPort(inARow = 1): Promise<number> {
  const range = portsBeside(outgoingPorts());
  for (let tries = 0; tries < triesMax; tries += 1) {
    const first =
      range === undefined
        ? await systemPort()
        : range.first + Math.floor(Math.random() * (range.last - range.first + 2 - inARow));
    const ports = Array.from({ length: inARow }, (_, index) => first + index);
    if (ports.some((port) => given.has(port))) continue;
    for (const port of ports) given.add(port);
    const problems = await Promise.all(ports.map(bindProblem));
    if (problems.every((problem) => problem === undefined)) return first;
  }
  throw new Error(`no ${inARow} free port(s) in a row on ${host} in ${triesMax} tries`);
}

/** Why this process could not listen on the port of 127.0.0.1 a moment ago: `EADDRINUSE`, `EACCES`, …; undefined: it could. */
export function bindProblem(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

async function systemPort(): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { bindProblem, freeLoopbackPort } from './free-loopback-port.ts';
import { outgoingPorts } from './port-range.ts';

it('gives ports that no outgoing connection is given, and none twice', async () => {
  const { first, last } = outgoingPorts();
  const ports = await Promise.all(Array.from({ length: 50 }, () => freeLoopbackPort(2)));
  expect(new Set(ports.flatMap((port) => [port, port + 1])).size).toBe(100);
  expect(ports.filter((port) => port + 1 >= first && port <= last)).toEqual([]);
});

it('sees what listens', async () => {
  const port = await freeLoopbackPort();
  expect(await bindProblem(port)).toBeUndefined();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(await bindProblem(port)).toBe('EADDRINUSE');
  server.close();
});

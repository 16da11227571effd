/**
 * The private server of the benchmark, in a process of its own: answers every POST with the same JSON text, opens an event stream for every GET and says
 * nothing on it. Prints its port, and ends with its parent.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerText } from './bench-messages.ts';

const body = Buffer.from(answerText);
const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit(0));

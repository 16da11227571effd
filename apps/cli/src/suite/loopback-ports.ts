import { createServer } from 'node:net';

import { fail, ok, type Result } from '@sallyport/result';

const host = '127.0.0.1';

/** Refuses with one line that says what to do where one of the suite's two known ports is taken or not ours to take. */
export async function checkPorts(routerPort: number): Promise<Result<void, string>> {
  for (const port of [routerPort, routerPort + 1]) {
    const code = await bindProblem(port);
    if (code === 'EADDRINUSE')
      return fail(
        `port ${port} is in use: stop what listens there, or choose others with --port N (router N, control N+1)`,
      );
    if (code !== undefined)
      return fail(`cannot listen on port ${port} (${code}): choose others with --port N (router N, control N+1)`);
  }
  return ok(undefined);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('the system gave no port'));
      });
    });
  });
}

function bindProblem(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

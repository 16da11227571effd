import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freeLoopbackPort } from '@sallyport/loopback-ports';

export interface UnauditedRouter {
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

/** Starts the router's composition without audit beside the suite's router, with everything that one has but its port. */
export async function startUnauditedRouter(routerPid: number): Promise<UnauditedRouter> {
  const port = await freeLoopbackPort();
  const environ = readFileSync(`/proc/${routerPid}/environ`, 'utf8').split('\0');
  const env = Object.fromEntries(
    environ
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  delete env['NODE_CHANNEL_FD'];
  const child = fork(fileURLToPath(new URL('../../apps/router/src/testing/unaudited-main.ts', import.meta.url)), {
    env: { ...env, ROUTER_HTTP_PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the router without audit ended with ${code}`)));
    child.once('message', () => {
      child.removeAllListeners('exit');
      resolve({ port, pid: child.pid ?? 0, stop: () => child.disconnect() });
    });
  });
}

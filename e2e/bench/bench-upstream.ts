import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface BenchUpstream {
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

/** Starts `upstream-server.ts`. */
export function startBenchUpstream(): Promise<BenchUpstream> {
  const child = fork(fileURLToPath(new URL('./upstream-server.ts', import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the upstream ended with ${code}`)));
    child.once('message', (message) => {
      child.removeAllListeners('exit');
      const { port } = message as { port: number };
      resolve({ port, pid: child.pid ?? 0, stop: () => child.disconnect() });
    });
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { CpuProfile } from './cpu-profile.ts';

/** Where Node opens its inspector at SIGUSR1: one process at a time can have it. */
const inspectorUrl = 'http://127.0.0.1:9229/json/list';
const openMsMax = 5_000;
const intervalUs = 500;

const begin = `(() => {
  const { Session } = process.getBuiltinModule('node:inspector');
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: ${intervalUs} });
  session.post('Profiler.start');
  globalThis.profilerOfBench = session;
})()`;
const end = `new Promise((resolve, reject) => {
  globalThis.profilerOfBench.post('Profiler.stop', (error, answer) => {
    globalThis.profilerOfBench.disconnect();
    delete globalThis.profilerOfBench;
    if (error) reject(error);
    else resolve(JSON.stringify(answer.profile));
  });
})`;
const leave = `setTimeout(() => process.getBuiltinModule('node:inspector').close(), 10)`;

/** Begins a CPU profile in a running Node process. */
export async function beginProfile(pid: number): Promise<void> {
  await evaluate(pid, begin);
}

/** Ends it. */
export async function endProfile(pid: number): Promise<CpuProfile> {
  return JSON.parse(String(await evaluate(pid, end))) as CpuProfile;
}

/** Runs a script in another process, and gives the inspector's port free again. */
async function evaluate(pid: number, expression: string): Promise<unknown> {
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await inspectorOf(pid));
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
  const value = await ask(socket, 1, expression);
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve, { once: true }));
  await ask(socket, 2, leave);
  await closed;
  return value;
}

async function inspectorOf(pid: number): Promise<string> {
  for (const untilMs = performance.now() + openMsMax; performance.now() < untilMs; await sleep(50)) {
    const response = await fetch(inspectorUrl).catch(() => undefined);
    if (response === undefined) continue;
    const [target] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
    if (target !== undefined) return target.webSocketDebuggerUrl;
  }
  throw new Error(`the inspector of process ${pid} did not open: is port 9229 free?`);
}

interface Evaluated {
  readonly id: number;
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly text: string };
  };
}

function ask(socket: WebSocket, id: number, expression: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const listener = ({ data }: MessageEvent) => {
      const message = JSON.parse(String(data)) as Evaluated;
      if (message.id !== id) return;
      socket.removeEventListener('message', listener);
      const { result, exceptionDetails } = message.result ?? {};
      if (exceptionDetails === undefined) resolve(result?.value);
      else reject(new Error(`the script failed in the other process: ${exceptionDetails.text}`));
    };
    socket.addEventListener('message', listener);
    socket.send(
      JSON.stringify({
        id,
        method: 'Runtime.evaluate',
        params: { expression, awaitPromise: true, returnByValue: id === 1 },
      }),
    );
  });
}

import { randomBytes } from 'node:crypto';
import { lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Things of the host that a session must not reach, put up for the time of the self-test. */
export interface HostTargets {
  /** `NAME=VALUE`, for the probe. */
  readonly arguments: readonly string[];
  close(): Promise<void>;
}

const rootFile = '/etc/shadow';
const rootFileInside = '/etc/root-file';

export async function openHostTargets(): Promise<HostTargets> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-canary-'));
  const abstractName = `sallyport-canary-${randomBytes(8).toString('hex')}`;
  const listeners: Server[] = [];
  const close = async () => {
    await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const canary = join(directory, 'canary');
    writeFileSync(canary, 'canary', { mode: 0o644 });
    const tcp = await listen(listeners, { port: 0, host: '0.0.0.0' });
    await listen(listeners, { path: `\0${abstractName}` });
    return {
      arguments: [
        `host_pid=${process.pid}`,
        `canary=${canary}`,
        `root_file=${rootFileInside}`,
        `tcp_port=${(tcp.address() as AddressInfo).port}`,
        `host_address=${hostAddress() ?? ''}`,
        `abstract_name=${abstractName}`,
      ],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A file that only root may read, shown on purpose in the sandbox of the self-test: it must be refused there all the same. */
export function shownRootFile(): { readonly from: string; readonly to: string }[] {
  try {
    const { uid, mode } = lstatSync(rootFile);
    return uid === 0 && (mode & 0o007) === 0 ? [{ from: rootFile, to: rootFileInside }] : [];
  } catch {
    return []; // then the check is not proved
  }
}

async function listen(
  listeners: Server[],
  at: { readonly port: number; readonly host: string } | { readonly path: string },
): Promise<Server> {
  const listener = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(at, resolve));
  listeners.push(listener);
  return listener;
}

function hostAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

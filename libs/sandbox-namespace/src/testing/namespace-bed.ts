import { accessSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamespaceDriver, type NamespaceDriverOptions } from '../index.ts';

/** The compiled agent is kept from run to run, for each user. */
export function agentCache(): string {
  const directory = join(tmpdir(), `sallyport-agent-cache-${process.getuid?.() ?? 0}`);
  mkdirSync(directory, { recursive: true });
  return directory;
}

export interface NamespaceBed {
  readonly driver: NamespaceDriver;
  readonly stateDir: string;
  close(): Promise<void>;
}

export function openNamespaceBed(options: Partial<NamespaceDriverOptions> = {}): NamespaceBed {
  const stateDir = options.stateDir ?? newStateDirectory();
  const driver = new NamespaceDriver({ stateDir, cacheDir: agentCache(), ...options });
  return {
    driver,
    stateDir,
    close: async () => {
      await driver.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

export function newStateDirectory(owner?: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-sandboxes-'));
  if (owner !== undefined) chownSync(directory, owner, owner);
  return directory;
}

/** True where the tests must be skipped for want of bubblewrap: said loudly, and never where CI is set. */
export function isWithoutBwrap(): boolean {
  for (const place of ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap']) {
    try {
      accessSync(place);
      return false;
    } catch {
      continue;
    }
  }
  if (process.env['CI'] !== undefined)
    throw new Error('bubblewrap is missing, and in CI nothing is skipped for want of a tool');
  console.warn('SKIPPED: the sandbox tests need bubblewrap (apt-get install bubblewrap)');
  return true;
}

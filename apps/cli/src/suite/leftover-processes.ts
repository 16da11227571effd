import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { readIfThere } from './atomic-file.ts';
import { commandLineOf, lives, parseIdentity, type ProcessIdentity, waitForEnd } from './process-identity.ts';

/** Services end when their supervisor does; this is how long they may take before they are made to. */
const ownEndMs = 8_000;
const terminateMs = 3_000;
const killMs = 5_000;

/** Ends what a killed supervisor left running, by the pid files it wrote. A pid that belongs to somebody else by now is not touched. */
export async function endLeftoverProcesses(run: string, ownEndMsMax: number = ownEndMs): Promise<number> {
  const files = readdirSync(run).filter((name) => name.endsWith('.pid'));
  const left = files.map((name) => leftover(join(run, name))).filter((identity) => identity !== undefined);
  await Promise.all(left.map((identity) => end(identity, ownEndMsMax)));
  for (const name of files) rmSync(join(run, name), { force: true });
  return left.length;
}

function leftover(pidFile: string): ProcessIdentity | undefined {
  const identity = parseIdentity(readIfThere(pidFile) ?? '');
  if (identity === undefined || !lives(identity)) return undefined;
  return /\bapps\/[a-z-]+\/src\/[a-z-]+\.ts\b/.test(commandLineOf(identity.pid)) ? identity : undefined;
}

async function end(identity: ProcessIdentity, ownEndMsMax: number): Promise<void> {
  if (await waitForEnd(identity, ownEndMsMax)) return;
  for (const [signal, waitMs] of [
    ['SIGTERM', terminateMs],
    ['SIGKILL', killMs],
  ] as const) {
    try {
      process.kill(identity.pid, signal);
    } catch {
      return; // gone in between
    }
    if (await waitForEnd(identity, waitMs)) return;
  }
}

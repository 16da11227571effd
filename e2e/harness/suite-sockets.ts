import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of a suite's sockets: its own, unless the path of that is too long for one. */
export function suiteSockets(dataDir: string): string {
  const note = join(dataDir, 'run', 'sockets');
  return existsSync(note) ? readFileSync(note, 'utf8').trim() : join(dataDir, 'run');
}

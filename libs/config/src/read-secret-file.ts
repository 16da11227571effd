import { readFileSync, statSync } from 'node:fs';

/**
 * Reads a secret from a file, without white space around it. Throws with the path and never the content, also where the file is
 * empty or other users may read it.
 */
export function readSecretFile(path: string): string {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o007) !== 0)
    throw new Error(`${path} can be read by every user of this machine: run \`chmod 600 ${path}\``);
  const secret = readFileSync(path, 'utf8').trim();
  if (secret === '') throw new Error(`${path} is empty: it must hold a secret`);
  return secret;
}

import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { fail, ok, type Result } from '@sallyport/result';

import type { ControlClient, JsonObject } from './control-client.ts';

export interface TileExport {
  /** The folder of each log. */
  readonly logs: readonly string[];
  readonly files: number;
  readonly bytes: number;
}

const pathCharactersMax = 256;
/** `<log>/checkpoint` and `<log>/tile/…`, as `tlog-tiles` names them: no part can lead out of the directory. */
const filePath =
  /^([A-Za-z0-9][A-Za-z0-9._-]*)\/(?:checkpoint|tile\/(?:entries|\d{1,2})(?:\/x?\d{3})+(?:\.p\/\d{1,3})?)$/;

/**
 * Writes the verifiable export that control streams below `directory`, which must be new or empty. It gets its name when it is whole: a
 * broken stream leaves nothing.
 */
export async function exportTiles(client: ControlClient, directory: string): Promise<Result<TileExport, string>> {
  const target = resolve(directory);
  const unfinished = join(dirname(target), `.${basename(target)}.${process.pid}.unfinished`);
  try {
    if (!isNewOrEmpty(target)) return fail(`${target} is not empty: export into a new folder`);
    mkdirSync(unfinished, { recursive: true });
    const written = await writeFiles(client, unfinished);
    if (!written.ok) return written;
    rmSync(target, { recursive: true, force: true });
    renameSync(unfinished, target);
    return written;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    return fail(`${target} cannot be written (${code}): choose another folder`);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function writeFiles(client: ControlClient, directory: string): Promise<Result<TileExport, string>> {
  const logs = new Set<string>();
  const files = new Set<string>();
  let bytes = 0;
  for await (const line of client.lines('GET', '/v1/audit/tiles')) {
    if (!line.ok) return fail(`the export broke off: ${line.reason.message}`);
    if (line.value['end'] === true) return ok({ logs: [...logs], files: files.size, bytes });
    const file = parseFile(line.value);
    if (!file.ok) return file;
    const { log, path, data } = file.value;
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    appendFileSync(join(directory, path), data);
    logs.add(log);
    files.add(path);
    bytes += data.length;
  }
  return fail('the export broke off before its end: try again');
}

function parseFile({ path, data }: JsonObject): Result<{ log: string; path: string; data: Buffer }, string> {
  if (typeof path !== 'string' || typeof data !== 'string') return fail('control sent something that is no file');
  const log = path.length > pathCharactersMax ? undefined : filePath.exec(path)?.[1];
  if (log === undefined) return fail(`control sent a file with a path that no export has: ${path.slice(0, 80)}`);
  return ok({ log, path, data: Buffer.from(data, 'base64') });
}

function isNewOrEmpty(directory: string): boolean {
  try {
    return readdirSync(directory).length === 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true;
    throw error;
  }
}

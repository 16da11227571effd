import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { LogFiles } from '@sallyport/transparency-log';

/** The largest file of an export is a bundle of 256 entries of 64 KB. */
const fileBytesMax = 32 * 1024 * 1024;

/** One log's folder of an export on disk. Links are not followed: an export holds plain files. */
class ExportedLogFiles extends LogFiles {
  readonly #folder: string;

  constructor(folder: string) {
    super();
    this.#folder = folder;
  }

  override read(path: string): Promise<Uint8Array | undefined> {
    const file = join(this.#folder, path);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return Promise.resolve(undefined);
    if (stat.size > fileBytesMax) return Promise.reject(new Error(`${file} is larger than any file of an export`));
    return Promise.resolve(readFileSync(file));
  }
}

/** The logs of an export by the names of their folders. Throws where the directory cannot be read. */
export function exportedLogs(directory: string): ReadonlyMap<string, LogFiles> {
  const folders = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return new Map(folders.map(({ name }) => [name, new ExportedLogFiles(join(directory, name))]));
}

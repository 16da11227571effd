import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { forOlderLibc } from './older-libc.ts';

/** Preloaded in the fuzzer's process: makes it take TypeScript, and load on systems with an older C library than it was linked against. */
register(new URL('./typescript-loader.ts', import.meta.url));

const libcMinorNeeded = 38;
const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };

if (Number(header.glibcVersionRuntime?.split('.')[1] ?? libcMinorNeeded) < libcMinorNeeded) {
  const loadAddon = process.dlopen.bind(process);
  process.dlopen = (module: object, path: string, ...flags: []) => {
    if (!/^fuzzer-linux-\w+\.node$/.test(basename(path))) return loadAddon(module, path, ...flags);
    const dir = mkdtempSync(join(tmpdir(), 'sallyport-fuzz-'));
    const copy = join(dir, basename(path));
    writeFileSync(copy, forOlderLibc(readFileSync(path)));
    try {
      loadAddon(module, copy, ...flags);
    } finally {
      rmSync(dir, { recursive: true });
    }
  };
}

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const chunkBytes = 8 << 20;

/**
 * Which of the texts stand in the memory of a process, as bytes: its heap, stacks and buffers, whatever can be written to and is resident. Needs the
 * right to trace the process (its parent and root have it). The process is not stopped.
 */
export function findInMemory(pid: number, texts: readonly string[]): ReadonlySet<string> {
  const wanted = new Map(texts.map((text) => [text, Buffer.from(text)]));
  const overlap = Math.max(0, ...[...wanted.values()].map((bytes) => bytes.length - 1));
  const found = new Set<string>();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    let read = 0;
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (const { from, to } of residentRegions(pid)) {
      for (let at = from; at < to; at += chunkBytes - overlap) {
        const bytes = readAt(memory, chunk, at, Math.min(chunkBytes, to - at));
        read += bytes.length;
        for (const [text, needle] of wanted) if (!found.has(text) && bytes.includes(needle)) found.add(text);
      }
    }
    if (read === 0) throw new Error(`no memory of process ${pid} could be read`);
    return found;
  } finally {
    closeSync(memory);
  }
}

function residentRegions(pid: number): { from: number; to: number }[] {
  const regions: { from: number; to: number }[] = [];
  let region: { from: number; to: number } | undefined;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const [, from, to, rights] = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) /.exec(line) ?? [];
    if (from !== undefined && to !== undefined)
      region =
        rights?.startsWith('rw') === true
          ? { from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) }
          : undefined;
    else if (region !== undefined && /^Rss: +[1-9]/.test(line)) regions.push(region);
  }
  return regions;
}

/** Empty where the region has gone meanwhile. */
function readAt(memory: number, chunk: Buffer, position: number, length: number): Buffer {
  try {
    return chunk.subarray(0, readSync(memory, chunk, 0, length, position));
  } catch {
    return chunk.subarray(0, 0);
  }
}

/** Versions of the C and C++ libraries that the fuzzer's addon was linked against and that older systems lack. */
const missingVersions: ReadonlySet<string> = new Set(['GLIBC_2.38', 'GLIBCXX_3.4.32']);
/** Names that C23 gave to functions which every C library has; they differ in taking `0b1` for a number. */
const c23Prefix = '__isoc23_';

const symbolBytes = 24;
const weakVersion = 2;
const weakSymbol = 2;
const anyVersion = 1;

/**
 * The addon (64-bit ELF, little endian) as a system of 2022 loads it. It needs three symbols of newer versions: two are old functions under new
 * names, the third marks that streams are set up and is never called. The first two get their old names, the third becomes optional.
 */
export function forOlderLibc(addon: Buffer): Buffer {
  const elf = Buffer.from(addon);
  const [symbols, names, versions, needs] = ['.dynsym', '.dynstr', '.gnu.version', '.gnu.version_r'].map((name) =>
    sectionOf(elf, name),
  );
  if (symbols === undefined || names === undefined || versions === undefined || needs === undefined) return elf;
  const missing = relaxVersions(elf, needs.at, names.at);
  for (let index = 0; index * symbolBytes < symbols.bytes; index += 1) {
    const [symbol, version] = [symbols.at + index * symbolBytes, versions.at + index * 2];
    if (!missing.has(elf.readUInt16LE(version))) continue;
    elf.writeUInt16LE(anyVersion, version);
    const name = elf.readUInt32LE(symbol);
    if (textAt(elf, names.at + name).startsWith(c23Prefix)) elf.writeUInt32LE(name + c23Prefix.length, symbol);
    else elf.writeUInt8((weakSymbol << 4) | (elf.readUInt8(symbol + 4) & 15), symbol + 4);
  }
  return elf;
}

/** Makes the missing versions optional; gives their numbers. */
function relaxVersions(elf: Buffer, needsAt: number, namesAt: number): ReadonlySet<number> {
  const missing = new Set<number>();
  for (let file = needsAt, next = -1; next !== 0; file += next) {
    next = elf.readUInt32LE(file + 12);
    let version = file + elf.readUInt32LE(file + 8);
    for (let left = elf.readUInt16LE(file + 2); left > 0; left -= 1) {
      if (missingVersions.has(textAt(elf, namesAt + elf.readUInt32LE(version + 8)))) {
        elf.writeUInt16LE(weakVersion, version + 4);
        missing.add(elf.readUInt16LE(version + 6));
      }
      version += elf.readUInt32LE(version + 12);
    }
  }
  return missing;
}

function sectionOf(elf: Buffer, name: string): { readonly at: number; readonly bytes: number } | undefined {
  const table = Number(elf.readBigUInt64LE(0x28));
  const [entryBytes, count, namesIndex] = [0x3a, 0x3c, 0x3e].map((at) => elf.readUInt16LE(at)) as [
    number,
    number,
    number,
  ];
  const header = (index: number): number => table + index * entryBytes;
  const namesAt = Number(elf.readBigUInt64LE(header(namesIndex) + 0x18));
  for (let index = 0; index < count; index += 1) {
    if (textAt(elf, namesAt + elf.readUInt32LE(header(index))) !== name) continue;
    const [at, bytes] = [0x18, 0x20].map((field) => Number(elf.readBigUInt64LE(header(index) + field)));
    return { at: at ?? 0, bytes: bytes ?? 0 };
  }
  return undefined;
}

function textAt(elf: Buffer, at: number): string {
  return elf.toString('latin1', at, elf.indexOf(0, at));
}

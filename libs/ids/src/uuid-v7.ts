const timeMsMax = 2 ** 48 - 1;

/**
 * Makes a UUID version 7 (RFC 9562 §5.7) from a time in milliseconds since 1970 and ten random bytes.
 * Throws RangeError where either is out of range.
 */
export function uuidV7FromParts(timeMs: number, random: Uint8Array): string {
  if (!Number.isInteger(timeMs) || timeMs < 0 || timeMs > timeMsMax)
    throw new RangeError(`no time for a UUID: ${timeMs}`);
  if (random.length !== 10) throw new RangeError(`a UUID takes 10 random bytes, not ${random.length}`);
  const time = timeMs.toString(16).padStart(12, '0');
  const tail = Buffer.from(random);
  tail[0] = ((tail[0] ?? 0) & 0x0f) | 0x70;
  tail[2] = ((tail[2] ?? 0) & 0x3f) | 0x80;
  const hex = time + tail.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

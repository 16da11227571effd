/** Some ways to cut the same bytes into chunks, made from the bytes themselves so that an input alone reproduces a finding. */
export function chunkings(bytes: Uint8Array): readonly (readonly Buffer[])[] {
  const whole = Buffer.from(bytes);
  const single = Array.from(whole, (_, at) => whole.subarray(at, at + 1));
  let seed = 2166136261;
  for (const byte of whole) seed = Math.imul(seed ^ byte, 16777619) >>> 0;
  const drawn: Buffer[] = [];
  for (let at = 0; at < whole.length;) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const end = at + (seed >>> 28 === 0 ? 0 : 1 + ((seed >>> 20) % 23));
    drawn.push(whole.subarray(at, end));
    at = end;
  }
  return [single, drawn];
}

/** RFC 6455 §5.2. */
export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const finalBit = 0x80;
const maskBit = 0x80;

/**
 * One whole frame in one buffer. `mask` is a random 32-bit number for a client's frame, undefined for a server's, which may not mask.
 * The payload is copied, so the caller may reuse it.
 */
export function encodeWebsocketFrame(code: number, payload: Uint8Array, mask: number | undefined): Buffer {
  const length = payload.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const headerBytes = 2 + extended + (mask === undefined ? 0 : 4);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = finalBit | code;
  const masked = mask === undefined ? 0 : maskBit;
  if (extended === 0) frame[1] = masked | length;
  else if (extended === 2) {
    frame[1] = masked | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = masked | 127;
    frame.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 2);
    frame.writeUInt32BE(length >>> 0, 6);
  }
  frame.set(payload, headerBytes);
  if (mask !== undefined) {
    frame.writeUInt32BE(mask >>> 0, headerBytes - 4);
    unmask(frame.subarray(headerBytes), mask, 0);
  }
  return frame;
}

/** A close frame with a status code (RFC 6455 §7.4.1) and no reason. */
export function encodeWebsocketClose(statusCode: number, mask: number | undefined): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(statusCode);
  return encodeWebsocketFrame(opcode.close, payload, mask);
}

/** Masks or unmasks in place. `offset` is how many bytes of the frame's payload came before. */
export function unmask(bytes: Uint8Array, mask: number, offset: number): void {
  const keys = [(mask >>> 24) & 255, (mask >>> 16) & 255, (mask >>> 8) & 255, mask & 255];
  const first = keys[offset & 3] ?? 0;
  const second = keys[(offset + 1) & 3] ?? 0;
  const third = keys[(offset + 2) & 3] ?? 0;
  const fourth = keys[(offset + 3) & 3] ?? 0;
  const whole = bytes.length & ~3;
  let at = 0;
  for (; at < whole; at += 4) {
    bytes[at] = (bytes[at] ?? 0) ^ first;
    bytes[at + 1] = (bytes[at + 1] ?? 0) ^ second;
    bytes[at + 2] = (bytes[at + 2] ?? 0) ^ third;
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ fourth;
  }
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ first;
  if (at + 1 < bytes.length) bytes[at + 1] = (bytes[at + 1] ?? 0) ^ second;
  if (at + 2 < bytes.length) bytes[at + 2] = (bytes[at + 2] ?? 0) ^ third;
}

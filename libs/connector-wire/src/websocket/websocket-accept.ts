import { createHash } from 'node:crypto';

const acceptGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `sec-websocket-accept` for a `sec-websocket-key` (RFC 6455 §4.2.2). */
export function websocketAccept(key: string): string {
  return createHash('sha1').update(`${key}${acceptGuid}`, 'latin1').digest('base64');
}

/** Whether a key is 16 bytes in base64 (RFC 6455 §4.1). */
export function isWebsocketKey(key: string): boolean {
  return /^[A-Za-z0-9+/]{22}==$/.test(key);
}

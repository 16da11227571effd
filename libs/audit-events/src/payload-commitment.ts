import { createHmac, createSecretKey } from 'node:crypto';

const domain = 'sallyport-payload-commitment/v1\n';

/**
 * A commitment to a payload that stays outside the ledger: HMAC-SHA-256 under a salt of its own, hex. The salt is derived from the
 * deployment's commitment key, so whoever holds that key and a payload can show that the ledger speaks of this payload; nobody else can
 * guess small arguments from the ledger. Give the payload in chunks, in order.
 */
export function payloadCommitment(commitmentKey: Uint8Array, callId: string, field: 'arguments' | 'result') {
  const salt = keyed(commitmentKey).update(`${callId}\n${field}`).digest();
  const hmac = keyed(salt).update(domain);
  let bytes = 0;
  return {
    update(chunk: Uint8Array): void {
      bytes += chunk.length;
      hmac.update(chunk);
    },
    finish: () => ({ commitment: hmac.digest('hex'), bytes }),
  };
}

/** Node takes four times as long where the key is plain bytes. */
function keyed(key: Uint8Array) {
  return createHmac('sha256', createSecretKey(key));
}

const sessionDomain = 'sallyport-session-reference/v1\n';

/**
 * Stands for a client's MCP session in events: the same for the same session of a host, and of no use to whoever reads it. The session's own
 * id lets its bearer speak in the session, so it is in no event.
 */
export function sessionReference(commitmentKey: Uint8Array, host: string, sessionId: string): string {
  return `sess_${keyed(commitmentKey).update(`${sessionDomain}${host}\n${sessionId}`).digest('hex').slice(0, 32)}`;
}

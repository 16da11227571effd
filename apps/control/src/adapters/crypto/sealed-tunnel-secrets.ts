import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { type NewTunnelSecret, TunnelSecrets } from '../../ports/tunnel-secrets.ts';

const secretBytes = 32;
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** AES-256-GCM under the deployment's sealing key; the tunnel's id is authenticated with it. */
export class SealedTunnelSecrets extends TunnelSecrets {
  readonly #key: Buffer;

  /** `keyBase64`: 32 bytes. Throws RangeError for another length. */
  constructor(keyBase64: string) {
    super();
    this.#key = Buffer.from(keyBase64, 'base64');
    if (this.#key.length !== keyBytes) throw new RangeError(`the sealing key must be ${keyBytes} bytes in base 64`);
  }

  override make(tunnelId: string): NewTunnelSecret {
    const secret = randomBytes(secretBytes);
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(tunnelId));
    const sealed = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    return {
      secret: secret.toString('base64'),
      sealed: sealed.toString('base64'),
      sha256: createHash('sha256').update(secret).digest('hex'),
    };
  }

  override open(tunnelId: string, sealed: string): string {
    const bytes = Buffer.from(sealed, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(tunnelId)).setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString('base64');
  }
}

/** The secret of a tunnel token: 32 bytes, base 64 as the token carries it. */
export interface NewTunnelSecret {
  readonly secret: string;
  readonly sealed: string;
  readonly sha256: string;
}

/** Makes and opens sealed secrets. Sealed for one tunnel, a secret cannot be opened for another. */
export abstract class TunnelSecrets {
  abstract make(tunnelId: string): NewTunnelSecret;
  abstract open(tunnelId: string, sealed: string): string;
}

/** Why a connector was not registered. The code goes to logs and counters, the cause to the connector. */
export type RegistrationRefusal =
  | 'token-unknown'
  | 'tunnel-archived'
  | 'registration-malformed'
  | 'already-registered'
  | 'too-many-connections-of-tunnel'
  | 'token-check-unavailable'
  | 'edge-draining';

/**
 * What the connector is told. `cloudflared` decides by these words (spec §4.4): a cause with `Unauthorized` makes even a fresh process try again, any other
 * ends a fresh process with this text as its last line.
 */
export const causeByRefusal = {
  'token-unknown': 'tunnel token refused: no such tunnel, or the token is not its token (any more)',
  'tunnel-archived': 'tunnel token refused: the tunnel is archived',
  'registration-malformed': 'registration refused: a field is missing or out of bounds',
  'already-registered': 'registration refused: this connection is registered already',
  'too-many-connections-of-tunnel': 'registration refused: the tunnel has too many connections at this edge',
  'token-check-unavailable': 'Unauthorized: edge not ready, retrying',
  'edge-draining': 'Unauthorized: edge not ready, retrying',
} as const satisfies Record<RegistrationRefusal, string>;

export function isTemporary(refusal: RegistrationRefusal): boolean {
  return causeByRefusal[refusal].includes('Unauthorized');
}

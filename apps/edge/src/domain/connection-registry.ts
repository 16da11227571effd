/** What the registry needs to know of a live connection. */
export interface RegisteredConnection {
  /** `tnl_…`. */
  readonly tunnelId: string;
  /** The connector process: a UUID, new in each. */
  readonly connectorId: string;
  /** 0 to 255. */
  readonly connectionIndex: number;
  /** True from the moment either side said goodbye: no new streams. */
  readonly draining: boolean;
  readonly streamsOpen: number;
}

/**
 * The live connections of this edge: tunnel → connector → index. At most one connection per place: a newcomer replaces the old one, which after
 * a network cut may look alive for longer than the connector believes in it (spec §4.4).
 */
export class ConnectionRegistry<Connection extends RegisteredConnection> {
  readonly #byTunnel = new Map<string, Map<string, Map<number, Connection>>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The connection that was in its place, which the caller closes. */
  add(connection: Connection): Connection | undefined {
    const connectors = getOrMake(this.#byTunnel, connection.tunnelId, () => new Map<string, Map<number, Connection>>());
    const places = getOrMake(connectors, connection.connectorId, () => new Map<number, Connection>());
    const replaced = places.get(connection.connectionIndex);
    places.set(connection.connectionIndex, connection);
    if (replaced === undefined) this.#size += 1;
    return replaced;
  }

  /** Removes this very connection; one that was replaced is not in its place any more and changes nothing. */
  remove(connection: Connection): void {
    const connectors = this.#byTunnel.get(connection.tunnelId);
    const places = connectors?.get(connection.connectorId);
    if (connectors === undefined || places?.get(connection.connectionIndex) !== connection) return;
    places.delete(connection.connectionIndex);
    this.#size -= 1;
    if (places.size === 0) connectors.delete(connection.connectorId);
    if (connectors.size === 0) this.#byTunnel.delete(connection.tunnelId);
  }

  /** The connection with the fewest open streams that is not draining and not in `tried`; the newest among equals. */
  pick(tunnelId: string, tried?: ReadonlySet<Connection>): Connection | undefined {
    let best: Connection | undefined;
    for (const places of this.#byTunnel.get(tunnelId)?.values() ?? []) {
      for (const connection of places.values()) {
        if (connection.draining || tried?.has(connection) === true) continue;
        if (best === undefined || connection.streamsOpen <= best.streamsOpen) best = connection;
      }
    }
    return best;
  }

  ofTunnel(tunnelId: string): readonly Connection[] {
    return [...(this.#byTunnel.get(tunnelId)?.values() ?? [])].flatMap((places) => [...places.values()]);
  }

  all(): readonly Connection[] {
    return [...this.#byTunnel.keys()].flatMap((tunnelId) => this.ofTunnel(tunnelId));
  }
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

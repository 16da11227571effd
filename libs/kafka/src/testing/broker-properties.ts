export interface BrokerPorts {
  readonly plaintext: number;
  readonly controller: number;
  readonly sasl?: number;
  readonly tls?: number;
  /** Announced to clients at the port of a proxy. */
  readonly proxied?: { readonly listen: number; readonly announce: number };
}

/** PEM. */
export interface BrokerTls {
  readonly certificate: string;
  /** PKCS #8. */
  readonly key: string;
  /** Client certificates must chain to it. */
  readonly clientCa: string;
}

export interface BrokerUser {
  readonly username: string;
  readonly password: string;
}

interface Listener {
  readonly name: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly announce?: number;
}

const host = '127.0.0.1';

/** `server.properties` of a single KRaft node on loopback. */
export function brokerProperties(
  ports: BrokerPorts,
  dataDirectory: string,
  user?: BrokerUser,
  tls?: BrokerTls,
): string {
  const listeners: readonly Listener[] = [
    { name: 'PLAINTEXT', protocol: 'PLAINTEXT', host, port: ports.plaintext },
    ...(ports.sasl === undefined ? [] : [{ name: 'SASL', protocol: 'SASL_PLAINTEXT', host, port: ports.sasl }]),
    ...(ports.tls === undefined ? [] : [{ name: 'TLS', protocol: 'SSL', host: 'localhost', port: ports.tls }]),
    ...(ports.proxied === undefined
      ? []
      : [
          {
            name: 'PROXIED',
            protocol: 'PLAINTEXT',
            host,
            port: ports.proxied.listen,
            announce: ports.proxied.announce,
          },
        ]),
  ];
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${host}:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: [
      ...listeners.map(({ name, port }) => `${name}://${host}:${port}`),
      `CONTROLLER://${host}:${ports.controller}`,
    ].join(','),
    'advertised.listeners': listeners
      .map((listener) => `${listener.name}://${listener.host}:${listener.announce ?? listener.port}`)
      .join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': [
      ...listeners.map(({ name, protocol }) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(','),
    'log.dirs': dataDirectory,
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    // Every reader is a group of its own: there is nobody to wait for.
    'group.initial.rebalance.delay.ms': '0',
    ...(user === undefined ? {} : saslProperties(user)),
    ...(tls === undefined ? {} : tlsProperties(tls)),
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\n', String.raw`\n`)}\n`)
    .join('');
}

function saslProperties({ username, password }: BrokerUser): Record<string, string> {
  const modules = 'org.apache.kafka.common.security';
  const scram = `${modules}.scram.ScramLoginModule required;`;
  return {
    'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.sasl.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required user_${username}="${password}";`,
    'listener.name.sasl.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl.scram-sha-512.sasl.jaas.config': scram,
    // Unsigned tokens: for tests alone.
    'listener.name.sasl.oauthbearer.sasl.jaas.config': `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
}

function tlsProperties({ certificate, key, clientCa }: BrokerTls): Record<string, string> {
  return {
    'listener.name.tls.ssl.keystore.type': 'PEM',
    'listener.name.tls.ssl.keystore.certificate.chain': certificate,
    'listener.name.tls.ssl.keystore.key': key,
    'listener.name.tls.ssl.truststore.type': 'PEM',
    'listener.name.tls.ssl.truststore.certificates': clientCa,
    'listener.name.tls.ssl.client.auth': 'required',
  };
}

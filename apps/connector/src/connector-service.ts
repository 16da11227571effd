import { randomUUID } from 'node:crypto';

import { type RegistrationRequest, rawStreamsFeature, uuidBytes } from '@sallyport/connector-wire';
import { AppService } from '@sallyport/nest-runtime';
import type { Telemetry } from '@sallyport/telemetry';

import { EdgeLink } from './adapters/edge/edge-link.ts';
import type { TunnelStreams } from './adapters/edge/tunnel-streams.ts';
import type { InnerTlsServer } from './adapters/inner-tls/inner-tls-server.ts';
import type { OriginForwarder } from './adapters/origin/origin-forwarder.ts';
import type { ConnectorEnvironment, ConnectorSettings } from './config.ts';
import type { ConnectorSignals } from './signals.ts';

export interface ConnectorParts {
  readonly streams: TunnelStreams;
  readonly forwarder: OriginForwarder;
  readonly innerTls: InnerTlsServer | undefined;
  readonly signals: ConnectorSignals;
  readonly telemetry: Telemetry;
}

const version = 'sallyport/0.1.0';
const goArchitecture: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** The running connector: its inner TLS server, and as many connections to the edges as the configuration asks for. */
export class ConnectorService extends AppService {
  readonly #settings: ConnectorSettings;
  readonly #parts: ConnectorParts;
  readonly #links: readonly EdgeLink[];

  constructor(settings: ConnectorSettings, times: ConnectorEnvironment['connector'], parts: ConnectorParts) {
    super();
    this.#settings = settings;
    this.#parts = parts;
    const { config, edgeCa, token } = settings;
    const registration: Omit<RegistrationRequest, 'connectionIndex'> = {
      accountTag: token.accountTag,
      tunnelSecret: token.tunnelSecret,
      tunnelUuid: requiredUuid(token.tunnelUuid),
      clientUuid: requiredUuid(randomUUID()),
      features: parts.streams.endToEnd ? ['serialized_headers', rawStreamsFeature] : ['serialized_headers'],
      version,
      architecture: `${process.platform}_${goArchitecture[process.arch] ?? process.arch}`,
      originLocalIp: Buffer.alloc(0),
      previousAttempts: 0,
    };
    const { pingIntervalMs, pingAckMs } = times;
    const link = { edges: config.edges, ca: edgeCa, retries: config.retries, pingIntervalMs, pingAckMs };
    this.#links = Array.from(
      { length: config.haConnections },
      (_, connectionIndex) => new EdgeLink(link, { ...registration, connectionIndex }, parts.streams, parts.signals),
    );
  }

  /** Resolves once the first connection is registered. Rejects with the edge's words where it refuses for good. */
  async start(): Promise<void> {
    const { signals, innerTls } = this.#parts;
    signals.configured(this.#settings.warnings, innerTls === undefined ? 'transport' : 'end-to-end');
    await innerTls?.start();
    const [first, ...others] = this.#links;
    if (first === undefined) return;
    await new Promise<void>((resolve, reject) => {
      first
        .run(resolve, (cause) => reject(new Error(`the edge refused this connector: ${cause}`)))
        .then(resolve, reject);
    });
    // Only when one is in: so a refusal is said once.
    for (const link of others) {
      link
        .run(
          () => undefined,
          (cause) => signals.streamRefused(cause),
        )
        .catch((error: unknown) => signals.bug(error));
    }
  }

  async stop(drainMs: number): Promise<void> {
    const graceMs = Math.min(drainMs, this.#settings.config.gracePeriodMs);
    this.#parts.innerTls?.drain();
    await Promise.all(this.#links.map((link) => link.stop(graceMs)));
    this.#parts.innerTls?.stop();
    await this.#parts.forwarder.stop();
    await this.#parts.telemetry.stop();
  }
}

function requiredUuid(uuid: string): Buffer {
  const bytes = uuidBytes(uuid);
  if (bytes === undefined) throw new Error('a UUID was checked before');
  return bytes;
}

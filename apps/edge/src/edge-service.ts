import { AppService } from '@sallyport/nest-runtime';
import type { Telemetry } from '@sallyport/telemetry';

import type { RouterServer } from './adapters/grpc/router-server.ts';
import type { ConnectorListener } from './adapters/http2/connector-listener.ts';
import type { EdgeSignals } from './signals.ts';

/** The running edge: first routers can ask, then connectors can come. */
export class EdgeService extends AppService {
  readonly #routers: RouterServer;
  readonly #connectors: ConnectorListener;
  readonly #signals: EdgeSignals;
  readonly #telemetry: Telemetry;

  constructor(routers: RouterServer, connectors: ConnectorListener, signals: EdgeSignals, telemetry: Telemetry) {
    super();
    this.#routers = routers;
    this.#connectors = connectors;
    this.#signals = signals;
    this.#telemetry = telemetry;
  }

  async start(): Promise<void> {
    const grpcPort = await this.#routers.start();
    const connectorPort = await this.#connectors.start();
    this.#signals.listening(connectorPort, grpcPort);
  }

  async stop(drainMs: number): Promise<void> {
    await Promise.all([this.#connectors.stop(drainMs), this.#routers.stop(drainMs)]);
    await this.#telemetry.stop();
  }
}

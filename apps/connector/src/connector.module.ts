import type { DynamicModule } from '@nestjs/common';
import { UpstreamAddressPolicy } from '@sallyport/connector-wire';
import { provide, provideValue } from '@sallyport/nest-runtime';
import { createLogger, Telemetry } from '@sallyport/telemetry';

import { TunnelStreams } from './adapters/edge/tunnel-streams.ts';
import { InnerTlsServer } from './adapters/inner-tls/inner-tls-server.ts';
import { OriginForwarder } from './adapters/origin/origin-forwarder.ts';
import type { ConnectorEnvironment, ConnectorSettings } from './config.ts';
import { ConnectorService } from './connector-service.ts';
import { ConnectorSignals } from './signals.ts';

/** The object graph of a connector. */
export class ConnectorModule {
  static with(environment: ConnectorEnvironment, settings: ConnectorSettings): DynamicModule {
    const { endToEnd, ingress } = settings.config;
    const telemetry = Telemetry.start('connector', environment.telemetry);
    const policy = endToEnd === undefined ? undefined : new UpstreamAddressPolicy(endToEnd.allow);
    return {
      module: ConnectorModule,
      providers: [
        provideValue(ConnectorSignals, new ConnectorSignals(createLogger('connector', environment.log), telemetry)),
        provide(
          OriginForwarder,
          [ConnectorSignals],
          (signals) => new OriginForwarder(ingress, policy, signals, telemetry),
        ),
        provide(ConnectorService, [OriginForwarder, ConnectorSignals], (forwarder, signals) => {
          const reloadMs = environment.connector.certificateReloadMs;
          const innerTls = endToEnd && new InnerTlsServer(endToEnd, forwarder, signals, reloadMs);
          const streams = new TunnelStreams(forwarder, innerTls, signals, telemetry);
          return new ConnectorService(settings, environment.connector, {
            streams,
            forwarder,
            innerTls,
            signals,
            telemetry,
          });
        }),
      ],
    };
  }
}

import type { DynamicModule } from '@nestjs/common';
import { grpcChannel, serviceName } from '@sallyport/grpc';
import { provide, provideValue } from '@sallyport/nest-runtime';
import { createLogger, Telemetry } from '@sallyport/telemetry';

import { ControlTunnelTokens } from './adapters/grpc/control-tunnel-tokens.ts';
import { RouterServer } from './adapters/grpc/router-server.ts';
import { ConnectorListener } from './adapters/http2/connector-listener.ts';
import { LiveConnections } from './adapters/http2/live-connections.ts';
import { RegisterConnection } from './application/register-connection.ts';
import type { EdgeConfig } from './config.ts';
import { EdgeService } from './edge-service.ts';
import { TunnelTokens } from './ports/tunnel-tokens.ts';
import { EdgeSignals } from './signals.ts';

/** The object graph of an edge. */
export class EdgeModule {
  static with(config: EdgeConfig): DynamicModule {
    const { listener, streams, grpc, tls } = config;
    const telemetry = Telemetry.start('edge', config.telemetry);
    return {
      module: EdgeModule,
      providers: [
        provideValue(LiveConnections, new LiveConnections()),
        provideValue(EdgeSignals, new EdgeSignals(createLogger('edge', config.log), telemetry)),
        provide(
          TunnelTokens,
          [],
          () =>
            new ControlTunnelTokens(grpcChannel({ address: grpc.controlAddress, server: serviceName.control, tls })),
        ),
        provide(
          RegisterConnection,
          [TunnelTokens, LiveConnections],
          (tokens, connections) => new RegisterConnection(tokens, connections, listener),
        ),
        provide(
          ConnectorListener,
          [RegisterConnection, LiveConnections, EdgeSignals],
          (register, connections, signals) =>
            new ConnectorListener({ register, connections, signals, listener, streams }),
        ),
        provide(
          RouterServer,
          [LiveConnections, EdgeSignals],
          (connections, signals) => new RouterServer(config, { connections, signals, telemetry, streams }),
        ),
        provide(
          EdgeService,
          [RouterServer, ConnectorListener, EdgeSignals],
          (routers, connectors, signals) => new EdgeService(routers, connectors, signals, telemetry),
        ),
      ],
    };
  }
}

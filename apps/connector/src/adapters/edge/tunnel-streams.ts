import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';

import {
  connectorMeta,
  encodeResponseHeaders,
  isWebsocketKey,
  originMeta,
  rawStreamHeader,
  responseHeadersHeader,
  responseMetaHeader,
  streamKind,
  websocketAccept,
} from '@sallyport/connector-wire';
import type { Telemetry } from '@sallyport/telemetry';

import type { ConnectorSignals } from '../../signals.ts';
import type { InnerTlsServer } from '../inner-tls/inner-tls-server.ts';
import type { OriginForwarder } from '../origin/origin-forwarder.ts';
import { forwardWebsocket } from './origin-websocket.ts';
import { resetWhenDestroyed } from '@sallyport/http2-streams';
import { refuseStream, TunnelExchange } from './tunnel-exchange.ts';
import { WebsocketDuplex } from './websocket-duplex.ts';

/** What an edge may make this connector do, by the kind of the stream it opens. */
export class TunnelStreams {
  readonly #forwarder: OriginForwarder;
  readonly #innerTls: InnerTlsServer | undefined;
  readonly #signals: ConnectorSignals;
  readonly #telemetry: Telemetry;

  /** With an inner TLS server the connector is in end-to-end mode: byte streams, and nothing else. */
  constructor(
    forwarder: OriginForwarder,
    innerTls: InnerTlsServer | undefined,
    signals: ConnectorSignals,
    telemetry: Telemetry,
  ) {
    this.#forwarder = forwarder;
    this.#innerTls = innerTls;
    this.#signals = signals;
    this.#telemetry = telemetry;
  }

  get endToEnd(): boolean {
    return this.#innerTls !== undefined;
  }

  /** Any stream but the control stream. */
  serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined);
    const kind = streamKind(headers);
    switch (kind) {
      case 'websocket':
        if (this.#innerTls !== undefined) return this.#acceptBytes(stream, headers, this.#innerTls);
        forwardWebsocket(stream, headers, this.#forwarder, this.#telemetry).catch((error: unknown) => {
          this.#signals.bug(error);
          refuseStream(stream, 'upstream_closed');
        });
        return undefined;
      case 'http':
        // Whoever can originate a request here could call a tool without router, policy or audit.
        if (this.#innerTls !== undefined) return this.#refuse(stream, 'edge_may_not_originate_requests');
        return this.#forwarder.forward(new TunnelExchange(stream, headers));
      case 'configuration':
        return this.#refuseConfiguration(stream);
      case 'tcp':
        return this.#refuse(stream, 'tcp_not_supported');
      case 'control':
        return this.#refuse(stream, 'second_control_stream');
    }
  }

  #acceptBytes(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, innerTls: InnerTlsServer): void {
    if (headers[rawStreamHeader] !== undefined) {
      stream.respond({ ':status': 200, [responseHeadersHeader]: '', [responseMetaHeader]: connectorMeta });
      resetWhenDestroyed(stream);
      return innerTls.accept(stream);
    }
    const key = headers['sec-websocket-key'];
    if (typeof key !== 'string' || !isWebsocketKey(key)) return this.#refuse(stream, 'websocket_key_malformed');
    const block = encodeResponseHeaders([
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-Websocket-Accept', websocketAccept(key)],
    ]);
    stream.respond({
      ':status': 200,
      [responseHeadersHeader]: block.ok ? block.value : '',
      [responseMetaHeader]: originMeta,
    });
    innerTls.accept(new WebsocketDuplex(stream));
  }

  /** Routing is this connector's own file: an edge must not rewrite it. Answered as spec §5.2 has it. */
  #refuseConfiguration(stream: ServerHttp2Stream): void {
    this.#signals.streamRefused('remote_configuration_refused');
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify({ lastAppliedVersion: -1, err: 'remote configuration is refused by this connector' }));
  }

  #refuse(stream: ServerHttp2Stream, reason: string): void {
    this.#signals.streamRefused(reason);
    refuseStream(stream, reason);
  }
}

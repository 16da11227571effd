/** Headers of the connector protocol (spec §2.1, §3.2). Names in lower case, as HTTP/2 has them. */
export const upgradeHeader = 'cf-cloudflared-proxy-connection-upgrade';
export const proxySourceHeader = 'cf-cloudflared-proxy-src';
export const responseHeadersHeader = 'cf-cloudflared-response-headers';
export const responseMetaHeader = 'cf-cloudflared-response-meta';

/** Set by the edge on a byte stream to a connector that announced `rawStreamsFeature`: DATA is the stream itself, without WebSocket framing. */
export const rawStreamHeader = 'sallyport-raw-stream';
export const rawStreamsFeature = 'sallyport_raw_streams';

/** `:authority` that cloudflared answers itself (spec §6): no caller may name it. */
export const managementHost = 'management.argotunnel.com';

/** TLS names that the edge serves and the connector asks for (spec §1.1). */
export const tunnelServerName = 'h2.cftunnel.com';
export const probeServerName = 'probe.cftunnel.com';

/** A header as it stands on the wire: repeated names are repeated pairs. Values are Latin-1. */
export type HeaderPair = readonly [name: string, value: string];

export { CapnpFrameDecoder, type CapnpSegments } from './capnp/capnp-frame-decoder.ts';
export { type CapnpRefusal, messageBytesMax } from './capnp/capnp-refusal.ts';
export { type Cidr, cidrBlockList, parseCidr } from './config/cidr.ts';
export {
  type ConnectorConfig,
  type EdgeAddress,
  type EndToEndConfig,
  parseConnectorConfig,
  parseEdgeAddress,
} from './config/connector-config.ts';
export { parseGoDurationMs } from './config/go-duration.ts';
export { type IngressRule, matchIngress } from './config/ingress-rules.ts';
export { type IngressService, parseIngressService } from './config/ingress-service.ts';
export { type OriginRequest, originRequestDefaults } from './config/origin-request.ts';
export {
  type TunnelToken,
  type TunnelTokenRefusal,
  decodeCredentialsFile,
  decodeTunnelToken,
  encodeCredentialsFile,
  encodeTunnelToken,
  uuidBytes,
  uuidText,
} from './config/tunnel-token.ts';
export { UpstreamAddressPolicy, type UpstreamAddressRefusal } from './config/upstream-address.ts';
export { forwardableRequestHeaders, forwardableResponseHeaders } from './http/header-hygiene.ts';
export {
  type HeaderPair,
  managementHost,
  probeServerName,
  proxySourceHeader,
  rawStreamHeader,
  rawStreamsFeature,
  responseHeadersHeader,
  responseMetaHeader,
  tunnelServerName,
  upgradeHeader,
} from './http/header-names.ts';
export {
  type ResponseHeadersRefusal,
  type ResponseMeta,
  connectorMeta,
  decodeResponseHeaders,
  decodeResponseMeta,
  encodeResponseHeaders,
  originMeta,
  responseHeadersBytesMax,
} from './http/response-headers.ts';
export { type StreamKind, streamKind } from './http/stream-kind.ts';
export { type ConnectorControlEvent, ConnectorControlSession } from './rpc/connector-control-session.ts';
export { type ControlRefusal, type EdgeControlEvent, EdgeControlSession } from './rpc/edge-control-session.ts';
export type { ConnectionDetails, ConnectionRefusal, RegistrationRequest } from './rpc/registration.ts';
export { isWebsocketKey, websocketAccept } from './websocket/websocket-accept.ts';
export { encodeWebsocketClose, encodeWebsocketFrame, opcode } from './websocket/websocket-frame.ts';
export {
  WebsocketFrameDecoder,
  type WebsocketRefusal,
  type WebsocketSink,
} from './websocket/websocket-frame-decoder.ts';

export { BytePieces } from './byte-pieces.ts';
export { type BodyRefusal, type BodyRefusalCode } from './body-refusal.ts';
export { type SplicedBytes } from './byte-edits.ts';
export {
  checkHeaders,
  type HeaderLines,
  type HeaderRefusal,
  type HeaderRefusalCode,
  type MessageEra,
} from './check-headers.ts';
export {
  defaultFilterOptions,
  filterList,
  filterToolList,
  type FilteredList,
  type FilterOptions,
  type ListRefusal,
  type ListShape,
  listShapes,
} from './filter-list.ts';
export {
  type GatewayError,
  gatewayError,
  type GatewayErrorCode,
  type GatewayErrorInput,
  type GatewayErrorRow,
  gatewayErrors,
} from './gateway-errors.ts';
export {
  type BodyLimits,
  type CallTarget,
  defaultBodyLimits,
  type InspectedMessage,
  inspectRequestBody,
  type MessageKind,
} from './inspect-request-body.ts';
export { type JsonLimits, type JsonSpan } from './json-reader.ts';
export { type JsonRpcId, parseJsonRpcId } from './json-rpc-id.ts';
export { decodeMirroredValue } from './mirrored-value.ts';
export { type Era } from './protocol-version.ts';
export { ResponseScanner, type ScanFault, type ScannedMessage } from './response-scanner.ts';
export { type SseEvent, SseEventReader, type SseOversizedPiece } from './sse-event-reader.ts';
export { frameSseMessage, reframeSseEvent } from './sse-framing.ts';
export { type RelayDataListener, type RelayMark, type RelayVerdict, SseRelayScanner } from './sse-relay-scanner.ts';
export { spliceTraceContext, type TraceContext } from './splice-trace-context.ts';

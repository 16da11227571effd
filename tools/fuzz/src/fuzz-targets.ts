import * as canonicalJson from './targets/canonical-json.ts';
import * as capnpFrames from './targets/capnp-frames.ts';
import * as connectorConfig from './targets/connector-config.ts';
import * as controlStreamConnector from './targets/control-stream-connector.ts';
import * as controlStreamEdge from './targets/control-stream-edge.ts';
import * as entryBundle from './targets/entry-bundle.ts';
import * as jsonRpcId from './targets/json-rpc-id.ts';
import * as jsonRpcRequest from './targets/json-rpc-request.ts';
import * as jsonRpcResponse from './targets/json-rpc-response.ts';
import * as listFilter from './targets/list-filter.ts';
import * as responseHeaders from './targets/response-headers.ts';
import * as signedNote from './targets/signed-note.ts';
import * as sseStream from './targets/sse-stream.ts';
import * as tunnelToken from './targets/tunnel-token.ts';
import * as websocketFrames from './targets/websocket-frames.ts';

/** Bytes go in; a promise that does not hold is thrown. */
export interface FuzzTarget {
  readonly name: string;
  /** Longest input that is tried. */
  readonly bytesMax: number;
  readonly fuzz: (bytes: Uint8Array) => void;
}

/** Every file in `targets/`, by its name. */
export const fuzzTargets: readonly FuzzTarget[] = [
  { name: 'canonical-json', ...canonicalJson },
  { name: 'capnp-frames', ...capnpFrames },
  { name: 'connector-config', ...connectorConfig },
  { name: 'control-stream-connector', ...controlStreamConnector },
  { name: 'control-stream-edge', ...controlStreamEdge },
  { name: 'entry-bundle', ...entryBundle },
  { name: 'json-rpc-id', ...jsonRpcId },
  { name: 'json-rpc-request', ...jsonRpcRequest },
  { name: 'json-rpc-response', ...jsonRpcResponse },
  { name: 'list-filter', ...listFilter },
  { name: 'response-headers', ...responseHeaders },
  { name: 'signed-note', ...signedNote },
  { name: 'sse-stream', ...sseStream },
  { name: 'tunnel-token', ...tunnelToken },
  { name: 'websocket-frames', ...websocketFrames },
];

export function fuzzTargetNamed(name: string): FuzzTarget | undefined {
  return fuzzTargets.find((target) => target.name === name);
}

import { join } from 'node:path';

import { decodeTunnelToken, encodeCredentialsFile } from '@sallyport/connector-wire';
import type { TlsFiles } from '@sallyport/grpc';
import { fail, ok, type Result } from '@sallyport/result';
import { stringify } from 'yaml';

import { replaceFile } from './atomic-file.ts';
import { sampleServerName } from './provisioning.ts';

export interface ConnectorWiring {
  readonly tunnelToken: string;
  readonly tunnelDomain: string;
  readonly edgePort: number;
  readonly samplePort: number;
  /** PEM file: by which the connector knows the edge. */
  readonly edgeCaFile: string;
  /** The proxy's certificate for the tunnel's hosts. */
  readonly proxy: Pick<TlsFiles, 'certFile' | 'keyFile'>;
  /** PEM file: who may sign a router. */
  readonly routerCaFile: string;
}

/** Writes the connector's credentials and configuration, and answers with the path of the latter. */
export function writeConnectorFiles(directory: string, wiring: ConnectorWiring): Result<string, string> {
  const token = decodeTunnelToken(wiring.tunnelToken);
  if (!token.ok) return fail(`control gave out a tunnel token that no connector can read (${token.reason})`);
  const credentialsFile = join(directory, 'credentials.json');
  const configFile = join(directory, 'config.yml');
  replaceFile(credentialsFile, encodeCredentialsFile(token.value));
  replaceFile(configFile, connectorConfigText(token.value.tunnelUuid, credentialsFile, wiring));
  return ok(configFile);
}

/** cloudflared's keys, and ours under `x-sallyport`. The sample server takes loopback names only, so its Host is rewritten. */
export function connectorConfigText(tunnelUuid: string, credentialsFile: string, wiring: ConnectorWiring): string {
  const origin = `127.0.0.1:${wiring.samplePort}`;
  return stringify({
    tunnel: tunnelUuid,
    'credentials-file': credentialsFile,
    edge: [`127.0.0.1:${wiring.edgePort}`],
    cacert: wiring.edgeCaFile,
    'ha-connections': 2,
    retries: 2,
    'grace-period': '3s',
    ingress: [
      {
        hostname: `${sampleServerName}.${wiring.tunnelDomain}`,
        service: `http://${origin}`,
        originRequest: { httpHostHeader: origin },
      },
      { service: 'http_status:404' },
    ],
    'x-sallyport': {
      cert: wiring.proxy.certFile,
      key: wiring.proxy.keyFile,
      router_ca: wiring.routerCaFile,
      allow: ['127.0.0.0/8'],
    },
  });
}

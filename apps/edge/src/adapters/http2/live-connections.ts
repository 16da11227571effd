import { ConnectionRegistry } from '../../domain/connection-registry.ts';
import type { ConnectorConnection } from './connector-connection.ts';

/** The registry of this process. */
export class LiveConnections extends ConnectionRegistry<ConnectorConnection> {}

import {
  Client,
  type ClientOptions,
  type FetchLike,
  type PriorDiscovery,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';
import { OAuthGrant } from './oauth-grant.ts';

export interface Assignment {
  readonly scenario: string;
  readonly protocolVersion: string;
  readonly server: URL;
  /** What the scenario gives to its client. */
  readonly context: {
    readonly client_id?: string;
    readonly client_secret?: string;
    readonly toolCalls?: readonly ToolCall[];
  };
  readonly fetch: FetchLike;
}

interface ToolCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

const modernVersion = '2026-07-28';
const clientInfo = { name: 'sallyport-conformance-client', version: '0.1.0' };
const authorizationsMax = 2;

/** Servers of these scenarios speak the modern era only after its negotiation, which they do not answer. */
const withoutDiscovery = /^(?:http-|sep-2322-)/;
const modernPrior: PriorDiscovery = {
  kind: 'modern',
  discover: {
    supportedVersions: [modernVersion],
    capabilities: { tools: {}, resources: {}, prompts: {} },
    ttlMs: 0,
    cacheScope: 'private',
  },
};

/** Does with an ordinary client of the official SDK what a conformance scenario wants to see. */
export async function playScenario(assignment: Assignment): Promise<void> {
  if (assignment.scenario.startsWith('auth/')) return playAuthorized(assignment);
  const client = clientFor(assignment);
  const transport = new StreamableHTTPClientTransport(assignment.server, { fetch: assignment.fetch });
  await client.connect(transport, withoutDiscovery.test(assignment.scenario) ? { prior: modernPrior } : {});
  if (assignment.scenario !== 'request-metadata') await exercise(client, assignment);
  await client.close();
}

function clientFor({ scenario, protocolVersion }: Assignment): Client {
  const options: ClientOptions = {
    capabilities:
      scenario === 'request-metadata'
        ? { roots: { listChanged: true }, sampling: {}, elicitation: {} }
        : { elicitation: { form: { applyDefaults: true } } },
    ...(protocolVersion === modernVersion ? { versionNegotiation: { mode: 'auto' } } : {}),
  };
  const client = new Client(clientInfo, options);
  // An empty form: the SDK fills in the defaults, where the scenario is about them.
  const content = scenario.startsWith('sep-2322-') ? { confirmed: true } : {};
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content }));
  return client;
}

async function exercise(client: Client, { scenario, context }: Assignment): Promise<void> {
  const { tools } = await client.listTools();
  switch (scenario) {
    case 'tools_call':
      await client.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } });
      return;
    case 'sse-retry':
    case 'elicitation-sep1034-client-defaults':
      for (const { name } of tools) await client.callTool({ name, arguments: {} });
      return;
    case 'json-schema-2020-12-preservation': {
      const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema;
      await client.callTool({ name: 'json_schema_echo', arguments: { schema } });
      return;
    }
    case 'http-standard-headers':
      for (const { name } of tools) await client.callTool({ name, arguments: {} });
      for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
      for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name, arguments: {} });
      return;
    case 'http-custom-headers':
      for (const call of context.toolCalls ?? []) await client.callTool(call);
      return;
    case 'http-invalid-tool-headers':
      // Those that the SDK has not hidden.
      for (const { name } of tools) await client.callTool({ name, arguments: { region: 'us-west1' } });
      return;
    case 'sep-2322-client-request-state':
      // The last of them answers what a client must refuse, and must not ask again for.
      for (const { name } of tools) await client.callTool({ name, arguments: {} }).catch(() => undefined);
      return;
    default:
      return;
  }
}

/** Whoever is sent to the authorization server comes back with a code, and begins again with the token that it brings. */
async function playAuthorized({ scenario, server, context, fetch }: Assignment): Promise<void> {
  const { client_id, client_secret } = context;
  const isRegistered = scenario === 'auth/pre-registration' && client_id !== undefined && client_secret !== undefined;
  const grant = new OAuthGrant(isRegistered ? { client_id, client_secret } : undefined);
  for (let authorizations = 0; ; authorizations += 1) {
    const client = new Client(clientInfo, { versionNegotiation: { mode: 'auto' } });
    const transport = new StreamableHTTPClientTransport(server, { fetch, authProvider: grant });
    try {
      await client.connect(transport);
      await client.listTools();
      await client.callTool({ name: 'test-tool', arguments: {} });
      return;
    } catch (error) {
      const callback = grant.takeCallback();
      if (!(error instanceof UnauthorizedError) || callback === undefined || authorizations === authorizationsMax)
        throw error;
      await transport.finishAuth(callback);
    } finally {
      await client.close();
    }
  }
}

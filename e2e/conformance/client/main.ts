import { playScenario } from './play-scenario.ts';
import { throughTunnel, type TunnelRoute } from './through-tunnel.ts';

/** The client of the conformance suite's client mode: `main.ts <url of the scenario's server>`. With `CONFORMANCE_TUNNEL`, a route as JSON, it goes through a tunnel. */
const server = new URL(process.argv[2] ?? '');
const {
  MCP_CONFORMANCE_SCENARIO: scenario = '',
  MCP_CONFORMANCE_PROTOCOL_VERSION: protocolVersion = '',
  MCP_CONFORMANCE_CONTEXT: context = '{}',
  CONFORMANCE_TUNNEL: route,
} = process.env;

try {
  await playScenario({
    scenario,
    protocolVersion,
    server,
    context: JSON.parse(context),
    fetch: route === undefined ? fetch : throughTunnel(server, JSON.parse(route) as TunnelRoute),
  });
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

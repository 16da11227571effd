/** What a person or a program needs to use a suite that is ready. */
export interface ReadyInfo {
  readonly routerUrl: string;
  readonly controlUrl: string;
  readonly apiKey: string;
  readonly tunnelDomain: string;
  /** The sample server as an agent addresses it, in the form that needs no DNS. */
  readonly tunnelMcpUrl: string;
  readonly dataDir: string;
  /** Of the supervisor. */
  readonly pid: number;
  readonly connectorPid: number;
  /** The demo session's tools; null where there is no executor. */
  readonly sessionMcpUrl: string | null;
  readonly executorPid: number | null;
  /** Why there is no executor. */
  readonly sandboxProblem: string | null;
  /** Verifier keys of the audit logs (signed-note), one per log. */
  readonly auditVkeys: readonly string[];
}

/** The line that `--json` promises. */
export function readyLine(info: ReadyInfo): Readonly<Record<string, unknown>> {
  const { tunnelDomain: _, ...line } = info;
  return { event: 'ready', ...line };
}

/** The same for a person, with everything to copy. */
export function readyText(info: ReadyInfo): string {
  const client = {
    mcpServers: {
      'sallyport-demo': {
        type: 'http',
        url: info.tunnelMcpUrl,
        headers: { Authorization: `Bearer ${info.apiKey}` },
      },
      ...(info.sessionMcpUrl === null
        ? {}
        : {
            'sallyport-sandbox': {
              type: 'http',
              url: info.sessionMcpUrl,
              headers: { Authorization: `Bearer ${info.apiKey}` },
            },
          }),
    },
  };
  return `
Sallyport is ready.

  Router          ${info.routerUrl}
  Control         ${info.controlUrl}
  API key         ${info.apiKey}
  Tunnel domain   ${info.tunnelDomain}
  Data            ${info.dataDir}
  Sandbox         ${info.sessionMcpUrl ?? `none: ${info.sandboxProblem ?? 'no executor'}`}

Call a tool of the private MCP server through the tunnel:

${curlCommand(info)}

Configuration of an MCP client (Claude Code: .mcp.json in your project):

${JSON.stringify(client, undefined, 2)}

${info.sessionMcpUrl === null ? '' : `Run a command in the sandbox of the demo session:\n\n${curlBash(info.sessionMcpUrl, info.apiKey)}\n\n`}Verifier keys of the audit logs:

${info.auditVkeys.map((vkey) => `  ${vkey}`).join('\n')}

Audit events follow as they happen. Ctrl-C stops everything.
`;
}

function curlCommand({ tunnelMcpUrl, apiKey }: ReadyInfo): string {
  return curl(tunnelMcpUrl, apiKey, 'echo', { message: 'hello through the tunnel' });
}

function curlBash(sessionMcpUrl: string, apiKey: string): string {
  return curl(sessionMcpUrl, apiKey, 'bash', { command: 'id; uname -r; ls /' });
}

/** One request of the 2026-07-28 protocol: no session, so it stands alone. */
function curl(url: string, apiKey: string, tool: string, args: Readonly<Record<string, string>>): string {
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: tool,
      arguments: args,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'curl', version: '1' },
      },
    },
  };
  return `curl -sS ${url} \\
  -H 'authorization: Bearer ${apiKey}' \\
  -H 'content-type: application/json' -H 'accept: application/json, text/event-stream' \\
  -H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: tools/call' -H 'mcp-name: ${tool}' \\
  -d '${JSON.stringify(body)}'`;
}

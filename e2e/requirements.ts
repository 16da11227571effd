/** What the suite promises, each line with where the promise comes from. A scenario cites a line with `verifies`; `coverage.test.ts` fails on a line without one. */
export const requirements = {
  // The relay, both eras: what an intermediary must preserve or do.
  'relay:unknown-params': 'Unknown Mcp-Param-* headers go on untouched. (MCP 2026-07-28, Streamable HTTP)',
  'relay:sentinel': 'The base 64 sentinel is decoded before Mcp-Name is compared. (MCP 2026-07-28)',
  'relay:header-400': 'A header that does not match the body is answered with 400. (MCP 2026-07-28)',
  'relay:decide-on-body': 'Policy is decided on the body, whatever the mirrored headers say. (MCP 2026-07-28)',
  'relay:streaming':
    'Event streams are not buffered; comments pass; quiet streams get keep-alives. (MCP, Streamable HTTP)',
  'relay:private-cache': 'Nothing is cached; a filtered list says cacheScope private. (MCP 2026-07-28, caching)',
  'relay:no-header-values-logged': 'Header values and payloads are in no log. (MCP 2026-07-28)',
  'relay:status-and-bodies': 'Status codes and bodies of the upstream pass unchanged, with their headers. (MCP)',
  'relay:host-and-origin': 'Host and Origin are validated; a bad Origin gets 403. (MCP, security warning)',
  'relay:disconnect': 'A disconnect cancels a modern request and not a legacy one. (MCP, both eras)',
  'relay:legacy-sessions': 'Mcp-Session-Id, GET, DELETE and Last-Event-ID are carried both ways. (MCP 2025-11-25)',
  'relay:byte-fidelity': 'Ids, numbers, key order and white space pass as they were written. (JSON-RPC)',
  'relay:request-state': 'requestState is byte-exact both ways. (MCP 2026-07-28, MRTR)',
  'relay:no-retry': 'A POST is never sent twice. (no source: effects)',
  'relay:202': 'A 202 answer has no body. (MCP)',
  'relay:own-errors':
    'Errors of the gateway are told apart from those of the upstream and stay out of reserved codes. (MCP 2026-07-28)',
  'relay:trace': 'The trace goes on through header and _meta, with our own span. (MCP 2026-07-28, W3C Trace Context)',
  'relay:elicitation': 'An elicitation URL passes and is never fetched. (MCP)',
  'relay:secrets': 'The agent’s credential reaches no upstream, under whatever name. (MCP, authorization)',
  'policy:list-equals-call': 'tools/list shows exactly what tools/call allows.',
  'policy:default-deny': 'Without a rule nothing is allowed, also no resource, prompt or unknown method.',
  'call:events': 'Every call has contiguous events and exactly one terminal one.',
  'call:id-header': 'sallyport-call-id is on every call, also on denied ones and gateway errors.',
  'cancel:legacy': 'notifications/cancelled reaches the upstream, and the call ends as cancelled.',
  'resume:legacy': 'A stream that ends without the answer leaves the call open for Last-Event-ID, then it fails.',
  // Bad input.
  'input:json': 'Malformed JSON, deep nesting, duplicate keys and batches are refused with a code and a sentence.',
  'input:sizes': 'Oversized bodies and headers are refused.',
  'input:slow-loris': 'A client that sends slowly is cut off, others are served.',
  'input:keys': 'Wrong, revoked and foreign keys are refused alike.',
  'input:hosts': 'Unknown hosts are refused.',
  'input:forged-headers': 'Control headers of the connector protocol from outside reach nobody.',
  'input:connector-port': 'Garbage on the connector port harms nobody.',
  'tls:expired': 'An expired inner certificate is refused with its reason.',
  'tls:wrong-name': 'An inner certificate with another name is refused with its reason.',
  'tls:wrong-ca': 'An inner certificate of another CA is refused with its reason.',
  'tls:weak': 'A weak inner certificate is refused with its reason.',
  'tls:no-ca': 'A tunnel without a registered CA says so.',
  // Faults.
  'fault:connector-frozen':
    'A frozen connector is reported as tunnel_unreachable within 35 s, and works again when it thaws.',
  'fault:connector-vanishes': 'A connector that vanishes mid-stream ends the call, once.',
  'fault:postgres-before': 'PostgreSQL stopped before dispatch: refused, nothing sent.',
  'fault:postgres-during': 'PostgreSQL stopped during a call: the result is withheld and the call ends orphaned.',
  'fault:child-dies': 'A service that dies is started again, and calls work.',
  'mode:transport': 'Transport mode carries calls through a plain connector, marked on every event.',
  // The suite and its clients.
  'suite:sdk-v1': 'The official MCP SDK v1 (2025-11-25) lists and calls through the tunnel.',
  'suite:sdk-v2': 'The official MCP SDK v2 (2026-07-28) lists and calls through the tunnel.',
  'control:anthropic-sdk':
    'The official Anthropic SDK drives the ten tunnel endpoints, and its typed errors come out right. (Managed Agents API)',
  'suite:restart': 'State survives a restart and a kill -9 of the supervisor; nothing is left behind.',
  'suite:bad-start': 'A busy port, an unwritable directory and a broken state are one line that says what to do.',
  'suite:kafka': 'The suite runs on a real Kafka broker.',
  'ledger:verify': 'Exported tiles verify with no product code, and a flipped bit is found.',
  'ledger:extends': 'An older export is a prefix of a newer one.',
  'ledger:rebuild': 'A rebuild from the event log shows the same root.',
  'ledger:cli': 'The CLI shows, proves, lists and tails events.',
  'telemetry:one-trace': 'One trace spans router, connector and upstream.',
  'security:edge-sees-cipher-text': 'What the edge handles contains no payload.',
} as const satisfies Record<string, string>;

export type RequirementId = keyof typeof requirements;

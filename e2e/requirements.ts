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
  'relay:both-ways':
    'Many large requests and answers pass at the same time, and wait for each other nowhere. (no source: Node’s HTTP/2)',
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
  // Sandboxes.
  'sandbox:sdk-v1': 'The official MCP SDK v1 (2025-11-25) uses the tools of a session, with progress.',
  'sandbox:sdk-v2': 'The official MCP SDK v2 (2026-07-28) uses the tools of a session, with progress.',
  'sandbox:shell-state': 'Directory, variables and functions survive calls, timeouts and crashes of the shell.',
  'sandbox:file-tools': 'Files are read, written, edited, found and searched inside; a planted link leads nowhere.',
  'sandbox:isolation': 'A command sees neither files nor processes of the host, and reaches no network.',
  'sandbox:processes-end': 'Whatever a call has started ends with it, however it ends.',
  'sandbox:floods': 'Processes, memory, files and output are bounded, and the session goes on.',
  'sandbox:deadline': 'A call ends at its time limit, is recorded as timed out, and keeps what it had written.',
  'sandbox:cancel': 'A cancellation of either era reaches the process.',
  'sandbox:policy': 'tools/list of a session shows exactly what tools/call allows; a denial is recorded.',
  'sandbox:foreign': 'A session of another workspace, or none, does not exist.',
  'sandbox:bad-input':
    'Wrong arguments, binary output, long output and long commands get a clear error or a bounded result.',
  'sandbox:executor-killed':
    'A call whose executor is killed ends orphaned; the next one has a new sandbox and is told so.',
  'sandbox:scheduler-killed': 'After a kill of the scheduler the session goes on in the same sandbox.',
  'sandbox:environment-key': 'A revoked environment key ends its executor; a wrong one lets nobody in.',
  'sandbox:leaves-nothing': 'A stop, orderly or not, leaves no sandbox behind.',
  'sandbox:missing': 'Without a driver the suite runs the tunnel half, and says what is missing and what to do.',
  'sandbox:no-payload-logged': 'Arguments, output and results of sandboxed calls are in no log.',
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
  // Other people's suites.
  'conformance:server':
    'The official conformance suite finds the same of a server directly and through the tunnel. (MCP, both eras)',
  'conformance:client':
    'The official conformance suite finds the same of a client directly and through the tunnel. (MCP, both eras)',
  'conformance:oauth':
    'Through the tunnel a client finds the authorization server of a private server, and is served with its token. (RFC 9728, MCP authorization)',
  // The campaign of faults.
  'campaign:kills':
    'Kills of every process and lost acknowledgements lose no event and repeat no effect; signed roots are reproduced.',
  'campaign:mutations':
    'Whatever is changed in files or rows is found, with log and leaf; in the event log, with the log.',
  'campaign:disk-full': 'On a full disk calls are refused at once and none is sent; with room they work again.',
  'campaign:clock-jumps': 'A clock that jumps loses no event and ends no call twice.',
  'campaign:stops': 'A process that stands still hangs no call, and calls work again when it goes on.',
  'campaign:network-cut': 'A cut network hangs no call and repeats none, and calls work again by themselves.',
  'campaign:partitions':
    'A process that is cut off hangs no call and repeats none, and calls work again once it is reached.',
  'security:edge-sees-cipher-text': 'What the edge handles contains no payload.',
} as const satisfies Record<string, string>;

export type RequirementId = keyof typeof requirements;

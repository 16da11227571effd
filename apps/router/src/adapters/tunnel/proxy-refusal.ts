import type { HeaderPairs, UpstreamFailure } from '../../ports/upstreams.ts';

/** The connector's own answers carry it; it takes the name away from what the service sends. */
const reasonHeader = 'sallyport-reason';

const failures: Readonly<Record<string, Omit<UpstreamFailure, 'reason'>>> = {
  no_ingress_rule: {
    code: 'upstream_unreachable',
    sent: false,
    sentence: 'The connector’s ingress has no rule for this host and path; nothing was sent.',
  },
  request_malformed: {
    code: 'upstream_malformed',
    sent: false,
    sentence: 'The proxy refused the request as malformed; nothing was sent.',
  },
  upstream_unresolved: {
    code: 'upstream_unreachable',
    sent: false,
    sentence: 'The private MCP server’s name does not resolve in its network; nothing was sent.',
  },
  upstream_address_refused: {
    code: 'upstream_unreachable',
    sent: false,
    sentence:
      'The private MCP server’s address is not in the proxy’s allow-list (`x-sallyport.allow`); nothing was sent.',
  },
  upstream_unreachable: {
    code: 'upstream_unreachable',
    sent: false,
    sentence: 'The private MCP server does not take connections; nothing was sent.',
  },
  upstream_tls_failed: {
    code: 'upstream_unreachable',
    sent: false,
    sentence: 'The TLS handshake between proxy and private MCP server failed; nothing was sent.',
  },
  upstream_timeout: {
    code: 'upstream_timeout',
    sent: true,
    sentence: 'The private MCP server did not answer the proxy in time; the call may have taken effect.',
  },
  upstream_malformed: {
    code: 'upstream_malformed',
    sent: true,
    sentence: 'The private MCP server sent an answer that is not HTTP; the call may have taken effect.',
  },
  upstream_closed: {
    code: 'stream_lost',
    sent: true,
    sentence: 'The private MCP server closed the connection before it answered; the call may have taken effect.',
  },
  response_headers_too_large: {
    code: 'upstream_malformed',
    sent: true,
    sentence: 'The private MCP server’s response headers are too large; the call may have taken effect.',
  },
};

/** Undefined where the service itself has answered. */
export function proxyRefusal(headers: HeaderPairs): UpstreamFailure | undefined {
  const reason = headers.find(([name]) => name === reasonHeader)?.[1];
  if (reason === undefined) return undefined;
  const known = failures[reason] ?? {
    code: 'stream_lost' as const,
    sent: true,
    sentence: 'The proxy could not relay the call; it may have taken effect.',
  };
  return { ...known, reason };
}

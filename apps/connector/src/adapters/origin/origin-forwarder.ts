import { Readable } from 'node:stream';

import {
  type HeaderPair,
  type IngressRule,
  type UpstreamAddressPolicy,
  forwardableResponseHeaders,
  matchIngress,
} from '@sallyport/connector-wire';
import { type Span, SpanRole, type Telemetry } from '@sallyport/telemetry';
import { Pool } from 'undici';

import type { ConnectorSignals } from '../../signals.ts';
import type { Exchange } from './exchange.ts';
import { OriginCall } from './origin-call.ts';
import { OriginDialer } from './origin-dialer.ts';
import { originRequestHeaders } from './origin-request-headers.ts';

/** A body of known length up to here is sent in one piece: one write instead of a stream for the usual JSON call. */
const wholeBodyBytesMax = 64 * 1024;

/** Above what the tunnel can carry, so that the refusal says which limit it was. */
const responseHeaderBytesMax = 128 * 1024;

interface Origin {
  readonly pool: Pool;
  readonly dialer: OriginDialer;
}

/** Finds the rule for each request and passes it to the service there. Redirects are answers like any other: they go back, nothing follows them. */
export class OriginForwarder {
  readonly #rules: readonly IngressRule[];
  readonly #origins = new Map<IngressRule, Origin>();
  readonly #signals: ConnectorSignals;
  readonly #telemetry: Telemetry;

  constructor(
    rules: readonly IngressRule[],
    policy: UpstreamAddressPolicy | undefined,
    signals: ConnectorSignals,
    telemetry: Telemetry,
  ) {
    this.#rules = rules;
    this.#signals = signals;
    this.#telemetry = telemetry;
    for (const rule of rules) {
      if (rule.service.type === 'status') continue;
      const dialer = new OriginDialer(rule.service, rule.originRequest, policy);
      this.#origins.set(rule, { dialer, pool: poolOf(rule, dialer) });
    }
  }

  /** The rule and how to dial its service; for requests that are no ordinary exchange. */
  originFor(host: string, path: string): { readonly rule: IngressRule; readonly dialer: OriginDialer } | undefined {
    const rule = matchIngress(this.#rules, host, path);
    const origin = rule === undefined ? undefined : this.#origins.get(rule);
    return rule === undefined || origin === undefined ? undefined : { rule, dialer: origin.dialer };
  }

  forward(exchange: Exchange): void {
    const rule = matchIngress(this.#rules, exchange.host, exchange.path);
    if (rule === undefined) return exchange.refuse('no_ingress_rule');
    if (rule.service.type === 'status') {
      const refusal = exchange.respond(rule.service.status, [['content-length', '0']], false);
      if (refusal === undefined) exchange.end([]);
      else exchange.refuse(refusal);
      return this.#signals.requestEnded(rule.index, 'completed');
    }
    const origin = this.#origins.get(rule);
    if (origin === undefined) return exchange.refuse('no_ingress_rule');
    this.#dispatch(exchange, rule, origin);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#origins.values()].map(({ pool }) => pool.destroy()));
  }

  #dispatch(exchange: Exchange, rule: IngressRule, origin: Origin): void {
    const span = this.#telemetry.span('connector.request', SpanRole.client, exchange.trace, {
      'http.request.method': exchange.method,
      'sallyport.ingress_rule': rule.index,
    });
    const call = new OriginCall(
      exchange,
      (headers) => forwardableResponseHeaders(headers, false),
      (outcome) => {
        span.end(outcome === 'completed' || outcome === 'cancelled' ? undefined : outcome);
        this.#signals.requestEnded(rule.index, outcome);
      },
    );
    const headers = originRequestHeaders(exchange, rule.originRequest.httpHostHeader, span.context);
    const lengthText = headerValue(headers, 'content-length');
    const length = lengthText === undefined ? undefined : Number(lengthText);
    const { body } = exchange;
    if (body === undefined) return send(origin, exchange, headers, null, call, span);
    if (length === undefined || length > wholeBodyBytesMax) {
      return send(origin, exchange, headers, detached(body), call, span);
    }
    const chunks: Buffer[] = [];
    let received = 0;
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      received += chunk.length;
      // A longer body than announced must not grow: HTTP/2 and the parser refuse it, this only bounds us.
      if (received > wholeBodyBytesMax) body.pause();
    });
    body.once('end', () => {
      const whole = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      send(origin, exchange, headers, whole ?? null, call, span);
    });
  }
}

/** undici destroys a body that it could not send to the end, and with it an HTTP/2 stream would take the answer down. */
function detached(source: Readable): Readable {
  const body = new Readable({
    read: () => source.resume(),
    destroy: (_, done) => {
      source.off('data', push);
      source.resume();
      done(null);
    },
  });
  const push = (chunk: Buffer) => {
    if (!body.push(chunk)) source.pause();
  };
  source.on('data', push);
  source.once('end', () => body.push(null));
  return body;
}

function send(
  origin: Origin,
  exchange: Exchange,
  headers: readonly HeaderPair[],
  body: Buffer | Readable | null,
  call: OriginCall,
  span: Span,
): void {
  span.set({ 'server.address': origin.dialer.serverName(exchange.host) });
  const options = {
    method: exchange.method,
    path: exchange.path,
    headers: headers.flat(),
    body,
    // The caller's own limits hold: a stream of events may be silent for hours.
    headersTimeout: 0,
    bodyTimeout: 0,
    servername: origin.dialer.serverName(exchange.host),
  };
  origin.pool.dispatch(options, call);
}

function poolOf(rule: IngressRule, dialer: OriginDialer): Pool {
  const secure = rule.service.type !== 'status' && rule.service.secure;
  return new Pool(`${secure ? 'https' : 'http'}://origin.invalid`, {
    maxHeaderSize: responseHeaderBytesMax,
    keepAliveTimeout: rule.originRequest.keepAliveTimeoutMs,
    keepAliveMaxTimeout: rule.originRequest.keepAliveTimeoutMs,
    connect: ({ servername }, done) => {
      dialer.dial(servername ?? '').then(
        (socket) => done(null, socket),
        (error: unknown) => done(error instanceof Error ? error : new Error('dial failed'), null),
      );
    },
  });
}

function headerValue(headers: readonly HeaderPair[], name: string): string | undefined {
  return headers.find(([each]) => each === name)?.[1];
}

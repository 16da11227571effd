import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, getCACertificates, type TLSSocket } from 'node:tls';

import type { IngressService, OriginRequest, UpstreamAddressPolicy } from '@sallyport/connector-wire';

import type { ExchangeRefusal } from './exchange.ts';

/** Carries why a service was not reached through undici, which knows only errors. */
export class OriginUnreachable extends Error {
  override readonly name = 'OriginUnreachable';
  readonly refusal: ExchangeRefusal;

  constructor(refusal: ExchangeRefusal, cause?: unknown) {
    super(refusal, { cause });
    this.refusal = refusal;
  }
}

export type DialledService = Exclude<IngressService, { readonly type: 'status' }>;

/**
 * Opens connections to one service. A name is resolved once per connection, each address is checked, and exactly a checked address is dialled: what DNS
 * says a moment later cannot matter. Throws OriginUnreachable.
 */
export class OriginDialer {
  readonly #service: DialledService;
  readonly #request: OriginRequest;
  readonly #policy: UpstreamAddressPolicy | undefined;
  readonly #roots: string[] | undefined;

  /** Without a policy every address may be dialled: transport mode, where the configuration names each service. */
  constructor(service: DialledService, request: OriginRequest, policy: UpstreamAddressPolicy | undefined) {
    this.#service = service;
    this.#request = request;
    this.#policy = policy;
    this.#roots =
      request.caPool === '' ? undefined : [...getCACertificates('default'), readFileSync(request.caPool, 'utf8')];
  }

  /** The name that a TLS service must prove, for a request to `host`. */
  serverName(host: string): string {
    if (this.#request.originServerName !== '') return this.#request.originServerName;
    if (this.#request.matchSniToHost) return host.replace(/:\d+$/, '');
    return this.#service.type === 'http' ? this.#service.hostname : 'localhost';
  }

  async dial(serverName: string): Promise<Socket | TLSSocket> {
    const service = this.#service;
    const signal = AbortSignal.timeout(this.#request.connectTimeoutMs);
    const socket =
      service.type === 'unix'
        ? await connected(connect({ path: service.socketPath }), signal)
        : await this.#dialHost(service.hostname, service.port, signal);
    return service.secure ? this.#secure(socket, serverName) : socket;
  }

  async #dialHost(hostname: string, port: number, signal: AbortSignal): Promise<Socket> {
    const addresses = await this.#checkedAddresses(hostname);
    let failure: unknown;
    for (const host of addresses) {
      try {
        return await connected(connect({ host, port, noDelay: true, keepAlive: true }), signal);
      } catch (error) {
        failure = error;
        if (signal.aborted) break;
      }
    }
    throw failure;
  }

  async #checkedAddresses(hostname: string): Promise<readonly string[]> {
    let addresses = [hostname];
    if (isIP(hostname) === 0) {
      try {
        addresses = (await lookup(hostname, { all: true })).map(({ address }) => address);
      } catch (error) {
        throw new OriginUnreachable('upstream_unresolved', error);
      }
    }
    const policy = this.#policy;
    const allowed = policy === undefined ? addresses : addresses.filter((each) => policy.refusal(each) === undefined);
    if (allowed.length === 0) throw new OriginUnreachable('upstream_address_refused');
    return allowed;
  }

  #secure(socket: Socket, serverName: string): Promise<TLSSocket> {
    const secured = connectTls({
      socket,
      // A name that is an address may not be sent as SNI (RFC 6066 §3); the certificate is still checked against it.
      ...(isIP(serverName) === 0 ? { servername: serverName } : { host: serverName }),
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: !this.#request.noTlsVerify,
      ...(this.#roots === undefined ? {} : { ca: this.#roots }),
    });
    return new Promise((resolve, reject) => {
      const failed = (error?: Error) => {
        secured.destroy();
        reject(new OriginUnreachable('upstream_tls_failed', error));
      };
      const timer = setTimeout(failed, this.#request.tlsTimeoutMs);
      secured.once('error', failed);
      secured.once('secureConnect', () => {
        clearTimeout(timer);
        secured.off('error', failed);
        resolve(secured);
      });
      secured.once('close', () => clearTimeout(timer));
    });
  }
}

function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off('connect', done);
      socket.off('error', failed);
      signal.removeEventListener('abort', expired);
    };
    const done = () => {
      settle();
      resolve(socket);
    };
    const failed = (error: Error) => {
      settle();
      socket.destroy();
      reject(new OriginUnreachable('upstream_unreachable', error));
    };
    const expired = () => {
      settle();
      socket.destroy();
      reject(new OriginUnreachable('upstream_timeout'));
    };
    socket.once('connect', done);
    socket.once('error', failed);
    if (signal.aborted) expired();
    else signal.addEventListener('abort', expired);
  });
}

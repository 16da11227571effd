import { Controller, Delete, Get, Inject, Post, Req, Res, type Type } from '@nestjs/common';
import type { Token, Values } from './provide.ts';

/** What a controller's method gets. Query values that repeat come as a list. */
export interface RestRequest {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Raw bytes; empty where the request had no body. */
  readonly body: Buffer;
  readonly clientIp: string;
  /** Aborted when the client goes away, and for streams when the server stops. */
  readonly signal: AbortSignal;
}

/** What it answers with: one JSON value, or bytes as they come. */
export type RestAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly json: unknown }
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly stream: AsyncIterable<Uint8Array | string>;
    };

export type RestMethod = (request: RestRequest) => Promise<RestAnswer>;
type RouteText = `${'GET' | 'POST' | 'DELETE'} /${string}`;
type MethodNames<Class> = { [Name in keyof Class]: Class[Name] extends RestMethod ? Name : never }[keyof Class] &
  string;

const verbs = { GET: Get, POST: Post, DELETE: Delete } as const;
export const restMethods = Symbol('rest methods');

/**
 * Makes a Nest controller of a plain class: its constructor's dependencies, and one line per route. What Nest's decorators would say is said
 * here once, because our classes run without a decorator compiler.
 */
export function restController<Class extends object, const Tokens extends readonly Token[]>(
  controllerClass: new (...values: Values<Tokens>) => Class,
  dependencies: Tokens,
  routes: Readonly<Record<MethodNames<Class>, RouteText>>,
): Type<Class> {
  Controller()(controllerClass);
  for (const [index, token] of dependencies.entries()) Inject(token)(controllerClass, undefined, index);
  const prototype = controllerClass.prototype as Record<string, unknown>;
  for (const [name, route] of Object.entries<RouteText>(routes)) {
    const handler = prototype[name] as RestMethod;
    const [verb, path] = route.split(' ') as [keyof typeof verbs, string];
    const entry = `${name}Route`;
    const descriptor = {
      configurable: true,
      value(this: Class, request: IncomingRestRequest, reply: RestReply) {
        return reply[restMethods](request, (incoming) => handler.call(this, incoming));
      },
    };
    Object.defineProperty(prototype, entry, descriptor);
    verbs[verb](path)(prototype, entry, descriptor);
    Req()(prototype, entry, 0);
    Res()(prototype, entry, 1);
  }
  return controllerClass;
}

/** The part of Fastify's request that a route needs. */
export interface IncomingRestRequest {
  readonly method: string;
  readonly url: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
  readonly ip: string;
}

/** Fastify's reply, with the one function that the REST server adds. */
export interface RestReply {
  [restMethods](request: IncomingRestRequest, handle: RestMethod): Promise<void>;
}

import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type RestListener, RestServer } from './rest-server.ts';

/** Something that runs: a server, a relay, a sweeper. */
export abstract class AppService {
  /** Resolves once it works. A rejection ends the process. */
  abstract start(): Promise<unknown>;
  /** Stops taking new work at once, lets running work finish for `drainMs`, and resolves. */
  abstract stop(drainMs: number): Promise<unknown>;
}

type ServiceToken = abstract new (...args: never[]) => AppService;

export interface RunOptions {
  /** Started in this order, stopped in reverse. */
  readonly services: readonly ServiceToken[];
  readonly drainMs: number;
  /** One line for the person who started the process. */
  readonly report: (problem: string) => void;
  /** Where the module has REST controllers; served last, closed first. */
  readonly rest?: RestListener;
}

interface Container {
  get<Value>(token: abstract new (...args: never[]) => Value): Value;
}

/**
 * Runs a service until SIGTERM, SIGINT, or, where a supervisor holds our IPC channel, the supervisor's end: a child must not outlive
 * its parent, whatever killed that. Says `{ready: true}` on the channel once everything runs.
 */
export async function runApp(module: DynamicModule, options: RunOptions): Promise<void> {
  const started: AppService[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (exitCode: number) => {
    if (stopping !== undefined) return;
    process.exitCode = exitCode;
    setTimeout(() => process.exit(exitCode), options.drainMs + 2_000).unref(); // for what does not let the loop end
    stopping = stopAll(started, options).then(() => {
      if (process.connected) process.disconnect();
      setTimeout(() => process.exit(exitCode), 500).unref();
    });
  };
  process.once('SIGTERM', () => stop(0));
  process.on('SIGINT', () => {
    if (!process.connected) stop(0); // a terminal's Ctrl-C reaches the whole group; the supervisor decides the order
  });
  process.once('disconnect', () => stop(0));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      options.report(
        `a bug ended this process: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      stop(1);
    });
  }
  try {
    const { rest } = options;
    const server = rest === undefined ? undefined : await RestServer.create(module, rest);
    const container: Container =
      server ?? asContainer(await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false }));
    const services = options.services.map((token) => container.get(token));
    if (server !== undefined) services.push({ start: () => server.start(), stop: (drainMs) => server.stop(drainMs) });
    for (const service of services) {
      if (stopping !== undefined) return;
      started.push(service);
      await service.start();
    }
    process.send?.({ ready: true });
  } catch (error) {
    options.report(describe(error));
    stop(1);
  }
}

function asContainer(context: Awaited<ReturnType<typeof NestFactory.createApplicationContext>>): Container {
  return { get: <Value>(token: abstract new (...args: never[]) => Value) => context.get<Value>(token) };
}

async function stopAll(services: AppService[], options: RunOptions): Promise<void> {
  for (const service of services.toReversed()) {
    try {
      await service.stop(options.drainMs);
    } catch (error) {
      options.report(`a part did not stop cleanly: ${describe(error)}`);
    }
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

import { randomUUID } from 'node:crypto';

import type { DynamicModule } from '@nestjs/common';
import { grpcChannel, serviceName } from '@sallyport/grpc';
import { provide, provideValue } from '@sallyport/nest-runtime';
import { createLogger, Telemetry } from '@sallyport/telemetry';

import { GrpcSchedulerLink, type Registration } from './adapters/grpc/grpc-scheduler-link.ts';
import { CallRuns } from './application/call-runs.ts';
import { Executor } from './application/executor.ts';
import { SessionSandboxes } from './application/session-sandboxes.ts';
import type { ExecutorConfig } from './config.ts';
import type { ExecutorHost } from './executor-host.ts';
import { ExecutorService } from './executor-service.ts';
import { MonotonicClock } from './ports/monotonic-clock.ts';
import { SchedulerLink } from './ports/scheduler-link.ts';
import { ToolRunner } from './ports/tool-runner.ts';
import { ExecutorSignals } from './signals.ts';

const version = 'sallyport/0.1.0';
const machineNames: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

export interface ExecutorEnds {
  /** One line for the person who started the process. */
  readonly report: (problem: string) => void;
  /** The scheduler asks the process to end. */
  readonly onDrain: () => void;
}

/** The object graph of an executor. */
export class ExecutorModule {
  static with(config: ExecutorConfig, host: ExecutorHost, runner: ToolRunner, ends: ExecutorEnds): DynamicModule {
    const { scheduler, sandboxes, tls } = config;
    const telemetry = Telemetry.start('executor', config.telemetry);
    const signals = new ExecutorSignals(createLogger('executor', config.log), telemetry);
    signals.starts(host.driver.name, host.offering.tier, sandboxes.slots, host.insecure);
    return {
      module: ExecutorModule,
      providers: [
        provideValue(ExecutorSignals, signals),
        provideValue(MonotonicClock, { nowMs: () => performance.now() }),
        provideValue(ToolRunner, runner),
        provide(SchedulerLink, [MonotonicClock, ExecutorSignals], (clock, signals) => {
          const channel = grpcChannel({ address: scheduler.address, server: serviceName.scheduler, tls });
          return new GrpcSchedulerLink(channel, registrationOf(config, host), clock, signals);
        }),
        provide(
          SessionSandboxes,
          [MonotonicClock, ExecutorSignals],
          (clock, signals) => new SessionSandboxes(host.driver, clock, signals),
        ),
        provide(
          CallRuns,
          [ToolRunner, MonotonicClock, ExecutorSignals],
          (runner, clock, signals) => new CallRuns(runner, clock, signals, telemetry),
        ),
        provide(
          Executor,
          [SchedulerLink, SessionSandboxes, CallRuns, MonotonicClock, ExecutorSignals],
          (link, starts, runs, clock, signals) =>
            new Executor(
              { link, sandboxes: starts, runs, clock, signals, onDrain: ends.onDrain },
              host.offering,
              sandboxes.slots,
            ),
        ),
        provide(
          ExecutorService,
          [Executor, ExecutorSignals],
          (executor, signals) => new ExecutorService(executor, host.driver, signals, telemetry, ends.report),
        ),
      ],
    };
  }
}

function registrationOf({ scheduler, sandboxes }: ExecutorConfig, host: ExecutorHost): Registration {
  return {
    executorId: randomUUID(),
    environmentKey: host.environmentKey,
    version,
    capabilities: {
      region: scheduler.region,
      runtimes: [...host.offering.runtimes],
      labels: scheduler.labels,
      driver: host.driver.name,
      checks: host.checks.map(({ check, proved }) => ({ check, proved })),
      insecureNoIsolation: host.insecure,
      slots: sandboxes.slots,
      architecture: machineNames[process.arch] ?? process.arch,
    },
  };
}

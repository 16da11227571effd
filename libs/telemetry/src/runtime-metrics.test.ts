import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { expect, it } from 'vitest';
import { reportRuntime } from './runtime-metrics.ts';

it('tells of memory, and of an event loop that was held', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
  const stop = reportRuntime(provider.getMeter('test'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const untilMs = performance.now() + 200; performance.now() < untilMs;);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await provider.forceFlush();
  stop();
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics: all }) => all));
  const values = Object.fromEntries(
    metrics.map(({ descriptor, dataPoints }) => [descriptor.name, Number(dataPoints[0]?.value)]),
  );
  expect(values['process.memory.usage']).toBeGreaterThan(10_000_000);
  expect(values['nodejs.eventloop.delay.max']).toBeGreaterThan(0.15);
  expect(values['nodejs.eventloop.delay.max']).toBeLessThan(5);
  expect(values['nodejs.eventloop.delay.p50']).toBeLessThan(0.1);
  await provider.shutdown();
});

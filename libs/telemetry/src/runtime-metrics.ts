import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';

const resolutionMs = 10;
const nanosecondsPerSecond = 1e9;

/**
 * How the process itself is: memory, and how late its event loop is, over the time since the last report. Names of OpenTelemetry's semantic conventions.
 * What is returned stops it.
 */
export function reportRuntime(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const memory = meter.createObservableGauge('process.memory.usage', { unit: 'By' });
  const p50 = meter.createObservableGauge('nodejs.eventloop.delay.p50', { unit: 's' });
  const p99 = meter.createObservableGauge('nodejs.eventloop.delay.p99', { unit: 's' });
  const max = meter.createObservableGauge('nodejs.eventloop.delay.max', { unit: 's' });
  meter.addBatchObservableCallback(
    (result) => {
      result.observe(memory, process.memoryUsage.rss());
      // Each value holds the interval of the timer that measures it.
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / nanosecondsPerSecond - resolutionMs / 1_000);
      if (delay.count > 0) {
        result.observe(p50, late(delay.percentile(50)));
        result.observe(p99, late(delay.percentile(99)));
        result.observe(max, late(delay.max));
      }
      delay.reset();
    },
    [memory, p50, p99, max],
  );
  return () => delay.disable();
}

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface MetricsExport {
  readonly resourceMetrics?: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
    };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly gauge?: { readonly dataPoints: readonly { readonly asDouble?: number; readonly asInt?: string }[] };
      }[];
    }[];
  }[];
}

const delayMetric = 'nodejs.eventloop.delay.p99';

/** Takes what the services report of themselves (OTLP over HTTP), and keeps how late their event loops are. */
export class RuntimeCollector {
  /** Service → the 99th percentiles that came since they were last taken, in ms. */
  #delaysMs = new Map<string, number[]>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => {
        if (request.url === '/v1/metrics') this.#take(JSON.parse(Buffer.concat(chunks).toString()) as MetricsExport);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(): Promise<RuntimeCollector> {
    const collector = new RuntimeCollector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  /** What makes the suite's services report here, once a second. */
  environment(): Readonly<Record<string, string>> {
    const { port } = this.#server.address() as AddressInfo;
    const services = ['ROUTER', 'EDGE', 'AUDIT', 'CONTROL', 'SCHEDULER'];
    return Object.fromEntries(
      services.flatMap((name) => [
        [`${name}_OTLP_ENDPOINT`, `http://127.0.0.1:${port}`],
        [`${name}_METRICS_INTERVAL_MS`, '1000'],
        [`${name}_TRACE_SAMPLE_RATIO`, '0'],
      ]),
    );
  }

  /** The worst second of each service since the last time, in ms. */
  worstDelayMs(): Readonly<Record<string, number>> {
    const worst = Object.fromEntries([...this.#delaysMs].map(([service, delays]) => [service, Math.max(...delays)]));
    this.#delaysMs = new Map();
    return worst;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take({ resourceMetrics = [] }: MetricsExport): void {
    for (const { resource, scopeMetrics } of resourceMetrics) {
      const name = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? 'unknown';
      const service = name.replace(/^sallyport-/, '');
      for (const { metrics } of scopeMetrics)
        for (const metric of metrics) {
          const value = metric.gauge?.dataPoints[0];
          if (metric.name !== delayMetric || value === undefined) continue;
          const delays = this.#delaysMs.get(service) ?? [];
          delays.push(Number(value.asDouble ?? value.asInt ?? 0) * 1_000);
          this.#delaysMs.set(service, delays);
        }
    }
  }
}

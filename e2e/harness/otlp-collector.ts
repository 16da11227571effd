import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CollectedSpan {
  /** `sallyport-router`, … */
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
}

interface Resource {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

interface TraceExport {
  readonly resourceSpans: readonly {
    readonly resource: Resource;
    readonly scopeSpans: readonly { readonly spans: readonly Partial<CollectedSpan>[] }[];
  }[];
}

interface MetricExport {
  readonly resourceMetrics: readonly {
    readonly resource: Resource;
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

/** A collector that speaks OTLP over HTTP with JSON, and keeps what it is sent. */
export class OtlpCollector {
  readonly spans: CollectedSpan[] = [];
  /** `<service> <metric>` */
  readonly metrics = new Set<string>();
  /** Every body as it came. */
  readonly bodies: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async start(): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    this.bodies.push(body);
    if (request.url === '/v1/traces') this.#addSpans(JSON.parse(body) as TraceExport);
    if (request.url === '/v1/metrics') this.#addMetrics(JSON.parse(body) as MetricExport);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{}');
  }

  #addSpans({ resourceSpans }: TraceExport): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = serviceOf(resource);
      for (const { name = '', traceId = '', spanId = '', parentSpanId = '' } of scopeSpans.flatMap(
        ({ spans }) => spans,
      ))
        this.spans.push({ service, name, traceId, spanId, parentSpanId });
    }
  }

  #addMetrics({ resourceMetrics }: MetricExport): void {
    for (const { resource, scopeMetrics } of resourceMetrics)
      for (const { name } of scopeMetrics.flatMap(({ metrics }) => metrics))
        this.metrics.add(`${serviceOf(resource)} ${name}`);
  }
}

function serviceOf({ attributes }: Resource): string {
  return attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
}

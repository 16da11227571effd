import type { ServerWritableStream } from '@grpc/grpc-js';
import { sandbox } from '@sallyport/contracts';
import {
  type GrpcChannel,
  grpcChannel,
  type grpcFailure,
  GrpcServer,
  serviceName,
  type TlsFiles,
} from '@sallyport/grpc';
import { PeerTls } from './peer-tls.ts';

export type ToolCall = ServerWritableStream<sandbox.CallToolRequest, sandbox.CallToolResponse>;
type Failure = ReturnType<typeof grpcFailure>;

/** A scheduler that does what the test says, behind mutual TLS as the real one. */
export class ScriptedScheduler {
  readonly calls: ToolCall[] = [];
  readonly listed: sandbox.ListToolsRequest[] = [];
  onCall: (call: ToolCall) => void = (call) => complete(call, `ran ${call.request.tool}`);
  refusesList: Failure | undefined;
  tools = [tool('bash'), tool('read')];
  readonly channel: GrpcChannel;
  readonly #address: string;
  readonly #tls: TlsFiles;
  #server: GrpcServer;

  private constructor(address: string, tls: TlsFiles, channel: GrpcChannel) {
    this.#address = address;
    this.#tls = tls;
    this.channel = channel;
    this.#server = this.#newServer();
  }

  static async start(): Promise<ScriptedScheduler> {
    const peers = await PeerTls.make();
    const address = `unix:${peers.directory}/scheduler.sock`;
    const near = await peers.files(serviceName.router);
    const channel = grpcChannel({ address, server: serviceName.scheduler, tls: near });
    const scheduler = new ScriptedScheduler(address, await peers.files(serviceName.scheduler), channel);
    await scheduler.#server.start();
    return scheduler;
  }

  async again(): Promise<void> {
    this.#server = this.#newServer();
    await this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop(0);
  }

  /** The next call that arrives; the test answers it. */
  next(): Promise<ToolCall> {
    return new Promise((resolve) => {
      this.onCall = resolve;
    });
  }

  #newServer(): GrpcServer {
    const implementation: sandbox.SessionToolServiceServer = {
      listTools: (call, callback) => {
        this.listed.push(call.request);
        if (this.refusesList === undefined) callback(null, { tools: this.tools });
        else callback(this.refusesList);
      },
      callTool: (call) => {
        this.calls.push(call);
        this.onCall(call);
      },
    };
    const callers = { listTools: [serviceName.router], callTool: [serviceName.router] };
    const definition = sandbox.SessionToolServiceService;
    return new GrpcServer({ address: this.#address, tls: this.#tls }, [{ definition, implementation, callers }]);
  }
}

export function complete(call: ToolCall, text: string): void {
  end(call, { phase: sandbox.CallEndPhase.COMPLETED, text });
}

export function end(call: ToolCall, wanted: Partial<sandbox.CallEnd>): void {
  const none = { text: '', isError: false, code: '', message: '', ruleId: '', denialReason: '' };
  const value = { phase: sandbox.CallEndPhase.UNSPECIFIED, ...none, ...wanted };
  call.write({ message: { $case: 'end', value } });
  call.end();
}

export function write(call: ToolCall, bytes: string | Uint8Array): void {
  call.write({ message: { $case: 'output', value: Buffer.from(bytes) } });
}

function tool(name: string): sandbox.ToolDefinition {
  const inputSchemaJson = '{"type":"object","properties":{"command":{"type":"string"}}}';
  return { name, description: `The tool ${name}.`, inputSchemaJson };
}

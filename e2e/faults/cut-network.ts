import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PortForwarder } from './port-forwarder.ts';

const forwardInside = fileURLToPath(new URL('forward-inside.ts', import.meta.url));

/**
 * A network namespace whose only way out is a cable to this process. Pulled, it loses packets as a broken network does: no reset, no error, nothing.
 * Root only.
 */
export class CutNetwork {
  readonly #name: string;
  readonly #cable: string;
  readonly #outside: string;
  readonly #inside: string;
  readonly #forwarders: PortForwarder[] = [];
  readonly #children: ChildProcess[] = [];

  /** Runs a program inside. */
  readonly command: readonly string[];

  private constructor(number: number) {
    this.#name = `sallyport-${process.pid}-${number}`;
    this.#cable = `sp${process.pid}x${number}`;
    this.#outside = `10.231.${number}.1`;
    this.#inside = `10.231.${number}.2`;
    this.command = ['ip', 'netns', 'exec', this.#name];
    ip('netns', 'add', this.#name);
    ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', this.#name);
    ip('addr', 'add', `${this.#outside}/30`, 'dev', this.#cable);
    ip('link', 'set', this.#cable, 'up');
    ip('-n', this.#name, 'addr', 'add', `${this.#inside}/30`, 'dev', 'uplink');
    ip('-n', this.#name, 'link', 'set', 'uplink', 'up');
    ip('-n', this.#name, 'link', 'set', 'lo', 'up');
  }

  /** Networks that are open at once have different numbers, 0 to 255. */
  static open(number: number): CutNetwork {
    return new CutNetwork(number);
  }

  /** Makes what listens on loopback here reachable from inside. */
  async publish(port: number): Promise<{ readonly host: string; readonly port: number }> {
    const forwarder = this.#forwarder({ host: '127.0.0.1', port });
    return { host: this.#outside, port: await forwarder.listen(this.#outside) };
  }

  /** Whoever connects to this socket from now on gets there by the cable, in and out again. Connections that stand stay as they are. */
  async detour(socketPath: string): Promise<void> {
    const moved = `${socketPath}.here`;
    renameSync(socketPath, moved);
    await (await this.#inAndOut({ path: moved })).listenAt(socketPath);
  }

  /** Another port on loopback, by which this one is reached by the cable, in and out again. */
  async detourPort(port: number): Promise<number> {
    return (await this.#inAndOut({ host: '127.0.0.1', port })).listen('127.0.0.1');
  }

  /** The same port on loopback of IPv6, for servers that ask for their port in Host; resolves with the address as a URL has it. */
  async detourTwin(port: number): Promise<string> {
    await (await this.#inAndOut({ host: '127.0.0.1', port })).listen('::1', port);
    return '[::1]';
  }

  /** That stand by the cable, counted at each of their forwarders here. */
  get connections(): number {
    return this.#forwarders.reduce((sum, forwarder) => sum + forwarder.connections, 0);
  }

  cut(): void {
    ip('-n', this.#name, 'link', 'set', 'uplink', 'down');
  }

  mend(): void {
    ip('-n', this.#name, 'link', 'set', 'uplink', 'up');
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const forwarder of this.#forwarders) forwarder.close();
    ip('link', 'del', this.#cable);
    ip('netns', 'del', this.#name);
  }

  /** Still to listen. */
  async #inAndOut(target: ConstructorParameters<typeof PortForwarder>[0]): Promise<PortForwarder> {
    const back = await this.#forwarder(target).listen(this.#outside);
    const [program, ...args] = [...this.command, process.execPath, forwardInside, this.#outside, String(back)];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return this.#forwarder({ host: this.#inside, port: Number(port) });
  }

  #forwarder(target: ConstructorParameters<typeof PortForwarder>[0]): PortForwarder {
    const forwarder = new PortForwarder(target);
    this.#forwarders.push(forwarder);
    return forwarder;
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}

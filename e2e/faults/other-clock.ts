import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('./other-clock.c', import.meta.url));

/** In a mount namespace of its own, so that nothing else on the host is started with the library. */
const script = `mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work" \\
  && mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" /etc \\
  && echo "$2" > /etc/ld.so.preload && shift 2 && exec "$@"`;

/** A time of day for a suite that a test can move while it runs, for all its processes and its database. Root and a C compiler. */
export class OtherClock {
  readonly #directory = mkdtempSync(join(tmpdir(), 'sallyport-clock-'));
  readonly #offset = join(this.#directory, 'offset');
  /** Runs a program, and all that it starts, by this clock. */
  readonly command: readonly string[];

  constructor() {
    chmodSync(this.#directory, 0o755);
    const library = join(this.#directory, 'other-clock.so');
    const overlay = join(this.#directory, 'overlay');
    mkdirSync(overlay);
    this.set(0);
    execFileSync('cc', ['-shared', '-fPIC', '-O2', `-DOFFSET_FILE="${this.#offset}"`, '-o', library, source]);
    const namespace = ['unshare', '--mount', '--propagation', 'private'];
    this.command = [...namespace, 'sh', '-c', script, 'sh', overlay, library];
  }

  /** Seconds from the true time. */
  set(seconds: number): void {
    writeFileSync(this.#offset, `${seconds}\n`, { mode: 0o644 });
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

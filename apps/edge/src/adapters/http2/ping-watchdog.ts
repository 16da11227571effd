import type { ClientHttp2Session } from 'node:http2';

export interface PingTimes {
  readonly pingIntervalMs: number;
  readonly pingAckMs: number;
}

/**
 * Notices a peer that is gone or frozen while its TCP connection looks alive, and a session that an oversized header field wedged without any
 * event (spec §3.5). A peer that does not answer but still sends is slow, not dead, and gets half the time again.
 */
export class PingWatchdog {
  readonly #session: ClientHttp2Session;
  readonly #bytesRead: () => number;
  readonly #times: PingTimes;
  readonly #onDead: () => void;
  readonly #interval: NodeJS.Timeout;
  #deadline: NodeJS.Timeout | undefined;
  #bytesSeen = 0;

  constructor(session: ClientHttp2Session, bytesRead: () => number, times: PingTimes, onDead: () => void) {
    this.#session = session;
    this.#bytesRead = bytesRead;
    this.#times = times;
    this.#onDead = onDead;
    this.#interval = setInterval(() => this.probe(), times.pingIntervalMs);
  }

  /** Asks now; for when something else looks wrong. */
  probe(): void {
    if (this.#deadline !== undefined || this.#session.destroyed) return;
    this.#bytesSeen = this.#bytesRead();
    this.#deadline = setTimeout(() => this.#expired(), this.#times.pingAckMs);
    // A cancelled ping belongs to a session that is being destroyed, which its owner hears of anyway.
    this.#session.ping((error) => {
      if (error === null) this.#clear();
    });
  }

  stop(): void {
    clearInterval(this.#interval);
    this.#clear();
  }

  #expired(): void {
    const bytesRead = this.#bytesRead();
    if (bytesRead > this.#bytesSeen) {
      this.#bytesSeen = bytesRead;
      this.#deadline = setTimeout(() => this.#expired(), this.#times.pingAckMs / 2);
      return;
    }
    this.stop();
    this.#onDead();
  }

  #clear(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}

import type { ExecutorMessage, Lease, Registered, SchedulerMessage } from '../domain/protocol-messages.ts';

/** Who hears what comes from the scheduler. */
export interface SchedulerEvents {
  /** What to say at the next registration. */
  held(): readonly Lease[];
  /** `sentAtMs` is when the registration was sent, on the monotonic clock. */
  registered(registered: Registered, sentAtMs: number): void;
  received(message: Exclude<SchedulerMessage, { readonly type: 'registered' }>): void;
  /** After `send` has returned false: more may be sent. */
  writable(): void;
  /** `reason` is the scheduler's stable code, if it gave one. */
  disconnected(reason: string | undefined): void;
}

/** The one connection to the scheduler, dialled again whenever it is lost. */
export abstract class SchedulerLink {
  /** Runs until `stop`, then resolves with nothing. Resolves with a line for a person where the scheduler refuses this executor for good. */
  abstract run(events: SchedulerEvents): Promise<string | undefined>;
  /** False where the stream is full, or there is none: what may be left out is to be left out until `writable`. */
  abstract send(message: ExecutorMessage): boolean;
  /** Leaves the stream, and dials again. */
  abstract cut(reason: string): void;
  /** Ends the stream once what was sent has left, within `graceMs`. */
  abstract stop(graceMs: number): Promise<void>;
}

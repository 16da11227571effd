import type { EventLogReader } from '@sallyport/event-log';
import type { GrpcServer } from '@sallyport/grpc';
import { AppService } from '@sallyport/nest-runtime';
import type { EventTail } from './application/event-tail.ts';
import { IngestLog } from './application/ingest-log.ts';
import type { PublishAnnouncements } from './application/publish-announcements.ts';
import { Repeat } from './application/repeat.ts';
import type { SignCheckpoints } from './application/sign-checkpoints.ts';
import type { WatchSequences } from './application/watch-sequences.ts';
import type { CheckpointSigner } from './ports/checkpoint-signer.ts';
import type { Ledger } from './ports/ledger.ts';
import type { AuditSignals } from './signals.ts';

export interface AuditParts {
  readonly migrate: () => Promise<void>;
  readonly ledger: Ledger;
  readonly signer: CheckpointSigner;
  readonly openReader: () => Promise<EventLogReader>;
  readonly sign: SignCheckpoints;
  readonly publish: PublishAnnouncements;
  readonly watch: WatchSequences;
  readonly tail: EventTail;
  readonly server: GrpcServer;
  readonly signals: AuditSignals;
  readonly closeConnections: () => Promise<void>;
}

export interface AuditSettings {
  readonly logs: readonly { readonly topic: string; readonly origin: string }[];
  readonly batchRecordsMax: number;
  readonly checkpointIntervalMs: number;
  readonly checkpointLeaves: number;
}

const announceEveryMs = 1_000;
const watchEveryMs = 1_000;

/** The ledger at work: reads the topics, signs, announces, answers. */
export class AuditService extends AppService {
  readonly #parts: AuditParts;
  readonly #settings: AuditSettings;
  readonly #ingesting: { readonly log: IngestLog; readonly reader: EventLogReader }[] = [];
  readonly #repeated: Repeat[] = [];

  constructor(parts: AuditParts, settings: AuditSettings) {
    super();
    this.#parts = parts;
    this.#settings = settings;
  }

  override async start(): Promise<void> {
    const { ledger, publish, watch, server, signals, signer } = this.#parts;
    const { logs } = this.#settings;
    await this.#parts.migrate();
    await ledger.open(logs);
    const announce = this.#repeat('announcements', () => publish.run(), announceEveryMs);
    for (const log of logs) await this.#startLog(log, announce);
    announce.start();
    this.#repeat('source sequences', () => watch.run(), watchEveryMs).start();
    const port = await server.start();
    signals.ready(
      port,
      logs.map(({ origin }) => signer.vkey(origin)),
    );
  }

  override async stop(drainMs: number): Promise<void> {
    // Tails and rebuilds would last for ever: the server cuts them after the drain.
    this.#parts.tail.close();
    await this.#parts.server.stop(drainMs);
    await Promise.all(this.#ingesting.map(({ log }) => log.stop()));
    for (const repeated of this.#repeated) await repeated.stop();
    await this.#parts.publish.close();
    for (const { reader } of this.#ingesting) await reader.close();
    await this.#parts.closeConnections();
  }

  async #startLog({ topic, origin }: { readonly topic: string; readonly origin: string }, announce: Repeat) {
    const { ledger, openReader, sign, signals, tail } = this.#parts;
    const { batchRecordsMax, checkpointIntervalMs, checkpointLeaves } = this.#settings;
    let unsigned = 0;
    const signing = this.#repeat(
      `checkpoints of ${topic}`,
      async () => {
        unsigned = 0;
        if (await sign.run(topic)) announce.hurry();
      },
      checkpointIntervalMs,
    );
    // Whatever stopped the log before: if it is still so, it stops again.
    await ledger.setHalted(topic, undefined);
    const reader = await openReader();
    const log = new IngestLog({
      topic,
      origin,
      reader,
      ledger,
      batchRecordsMax,
      signals,
      committed: (events, leaves) => {
        tail.publish(events);
        unsigned += leaves;
        if (unsigned >= checkpointLeaves) signing.hurry();
      },
    });
    this.#ingesting.push({ log, reader });
    signing.start();
    log.start();
  }

  #repeat(what: string, task: () => Promise<unknown>, everyMs: number): Repeat {
    const repeated = new Repeat(task, everyMs, (error) => this.#parts.signals.failed(what, error));
    this.#repeated.push(repeated);
    return repeated;
  }
}

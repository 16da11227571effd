import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployDirectory } from './broker-class-path.ts';
import { LocalBroker, type LocalBrokerOptions } from './local-broker.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface KafkaFound {
  /** `host:port`, separated by commas. */
  readonly brokers: string;
  stop(): Promise<void>;
}

export interface LocalKafkaFound extends KafkaFound {
  readonly local: LocalBroker;
}

export interface NoKafka {
  /** A sentence for the log of the skipped tests. */
  readonly missing: string;
}

/**
 * A broker for tests: the one of `KAFKA_BROKERS`, else one that is started with Java and Maven. On CI (`CI` is set) its absence is an error;
 * elsewhere the tests are to be skipped, loudly and counted.
 */
export async function findKafka(env: Environment): Promise<KafkaFound | NoKafka> {
  const brokers = env['KAFKA_BROKERS'];
  if (brokers !== undefined && brokers !== '') return { brokers, stop: async () => undefined };
  return startLocalKafka(env);
}

/** As `findKafka`, for tests that need a broker of their own: its listeners, its death. */
export async function startLocalKafka(
  env: Environment,
  options: Omit<LocalBrokerOptions, 'directory'> = {},
): Promise<LocalKafkaFound | NoKafka> {
  const tool = missingTool();
  if (tool !== undefined) {
    if (env['CI'] !== undefined && env['CI'] !== '') throw new Error(`CI must have a Kafka broker: install ${tool}`);
    return { missing: `no Kafka broker: set KAFKA_BROKERS, or install ${tool}` };
  }
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-kafka-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const local = await LocalBroker.start({ ...options, directory });
    const stop = async () => {
      await local.stop();
      remove();
    };
    return { brokers: local.brokers, local, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

function missingTool(): string | undefined {
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const major = Number(/version "(\d+)/.exec(java.stderr ?? '')?.[1] ?? 0);
  if (major < 17) return 'Java 17 or newer';
  const hasJars = existsSync(join(deployDirectory, 'target', 'dependency'));
  return hasJars || spawnSync('mvn', ['-v']).status === 0 ? undefined : 'Maven';
}

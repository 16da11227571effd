import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LocalBroker } from './testing/local-broker.ts';

/** `deploy/kafka/start-broker.sh`: a broker for trying things out, until Ctrl-C. */
const { values } = parseArgs({
  options: { data: { type: 'string' }, port: { type: 'string', default: '9092' }, verbose: { type: 'boolean' } },
});
const port = Number(values.port);
if (values.data === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) {
  process.stderr.write('usage: start-broker.sh --data DIR [--port 9092] [--verbose]\n');
  process.exit(64);
}
const write = (line: string) => void process.stdout.write(`${line}\n`);
const broker = await LocalBroker.start({
  directory: resolve(values.data),
  port,
  ...(values.verbose === true ? { onLog: write } : {}),
});
write(`Kafka listens on ${broker.brokers}; Ctrl-C stops it, the data stay in ${resolve(values.data)}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void broker.stop());

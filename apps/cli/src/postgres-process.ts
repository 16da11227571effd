import { readSecretFile } from '@sallyport/config';
import { EmbeddedPostgres } from '@sallyport/pg-embedded';

/** `postgres-process.ts DIRECTORY SOCKET_DIRECTORY PASSWORD_FILE`: the suite's PostgreSQL server, for as long as its supervisor lives. */
const [directory = '', socketDirectory = '', passwordFile = ''] = process.argv.slice(2);
let stopping = false;

try {
  const postgres = await EmbeddedPostgres.start({
    directory,
    socketDirectory,
    superuserPassword: readSecretFile(passwordFile),
    onLog: (line) => process.stdout.write(`${line}\n`),
  });
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void postgres.stop().then(() => process.exit(0));
  };
  // The log's pipe ends with the supervisor, before the server does.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.once('SIGTERM', stop);
  process.on('SIGINT', () => undefined);
  process.once('disconnect', stop);
  if (!process.connected) stop();
  void postgres.ended.then((how) => {
    if (stopping) return;
    process.stderr.write(`postgres: ${how}\n`);
    process.exit(1);
  });
  process.send?.({ ready: true });
} catch (error) {
  process.stderr.write(`postgres: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

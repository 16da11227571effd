import { loadConfig } from '@sallyport/config';

import { sampleServerConfigSections } from './config.ts';
import { SampleHttpServer } from './sample-http-server.ts';

const config = loadConfig(sampleServerConfigSections, process.env);
const server = new SampleHttpServer();
const stop = () => void server.stop().finally(() => process.exit(0));
process.once('SIGTERM', stop);
process.on('SIGINT', () => {
  if (!process.connected) stop(); // a terminal's Ctrl-C reaches the whole group; the supervisor decides the order
});
process.once('disconnect', stop);
try {
  const port = await server.start(config.http.port);
  process.stdout.write(`${JSON.stringify({ service: 'sample-server', msg: 'listening', port })}\n`);
  process.send?.({ ready: true });
} catch (error) {
  process.stderr.write(`sample-server: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';

import { edgeConfigSections } from './config.ts';
import { EdgeModule } from './edge.module.ts';
import { EdgeService } from './edge-service.ts';

const config = loadConfig(edgeConfigSections, process.env);
await runApp(EdgeModule.with(config), {
  services: [EdgeService],
  drainMs: config.drain.drainMs,
  report: (problem) => process.stderr.write(`edge: ${problem}\n`),
});

import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';

import { connectorConfigSections, readSettings } from './config.ts';
import { ConnectorModule } from './connector.module.ts';
import { ConnectorService } from './connector-service.ts';

const environment = loadConfig(connectorConfigSections, process.env);
const settings = readSettings(environment.connector, process.argv.slice(2));
if (!settings.ok) {
  for (const problem of settings.reason) process.stderr.write(`connector: ${problem}\n`);
  process.exit(78);
}
await runApp(ConnectorModule.with(environment, settings.value), {
  services: [ConnectorService],
  drainMs: settings.value.config.gracePeriodMs,
  report: (problem) => process.stderr.write(`connector: ${problem}\n`),
});

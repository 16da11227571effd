import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';
import { controlConfigSections } from './config.ts';
import { ControlModule, controlServices } from './control.module.ts';

const config = loadConfig(controlConfigSections, process.env);
const observers = ControlModule.observers(config);
await runApp(ControlModule.with(config, observers), {
  services: controlServices,
  rest: ControlModule.rest(config, observers),
  drainMs: 5_000,
  report: (problem) => observers.log.fatal(problem),
});

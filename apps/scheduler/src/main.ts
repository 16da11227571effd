import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';
import { schedulerConfigSections } from './config.ts';
import { SchedulerModule, schedulerServices } from './scheduler.module.ts';

const config = loadConfig(schedulerConfigSections, process.env);
const log = SchedulerModule.log(config);
await runApp(SchedulerModule.with(config, log), {
  services: schedulerServices,
  drainMs: 10_000,
  report: (problem) => log.fatal(problem),
});

import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';
import { routerConfigSections } from './config.ts';
import { RouterModule, routerServices } from './router.module.ts';

const config = loadConfig(routerConfigSections, process.env);
const log = RouterModule.log(config);
await runApp(RouterModule.with(config, log), {
  services: routerServices,
  drainMs: 10_000,
  report: (problem) => log.fatal(problem),
});

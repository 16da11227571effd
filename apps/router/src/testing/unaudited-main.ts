import { CallOutbox } from '@sallyport/audit-outbox';
import { loadConfig } from '@sallyport/config';
import { provideValue, runApp } from '@sallyport/nest-runtime';
import { ok } from '@sallyport/result';
import { routerConfigSections } from '../config.ts';
import { CallRecorder } from '../ports/call-recorder.ts';
import { RouterModule, routerServices } from '../router.module.ts';

/** Records nothing. */
class NoRecorder extends CallRecorder {
  override deny() {
    return Promise.resolve(ok(undefined));
  }
  override begin() {
    return Promise.resolve(ok(undefined));
  }
  override end() {
    return Promise.resolve(ok(undefined));
  }
}

/**
 * A router whose calls are not recorded, to measure what recording costs. The product has no switch for it and gets none: this is another composition
 * of the same parts, which exists in the benchmark alone.
 */
const config = loadConfig(routerConfigSections, process.env);
const log = RouterModule.log(config);
const module = RouterModule.with(config, log);
const recording = new Set<unknown>([CallOutbox, CallRecorder]);
const providers = (module.providers ?? []).filter(
  (provider) => !('provide' in provider && recording.has(provider.provide)),
);
await runApp(
  { ...module, providers: [...providers, provideValue(CallRecorder, new NoRecorder())] },
  {
    services: routerServices.filter((service) => service !== CallOutbox),
    drainMs: 2_000,
    report: (problem) => log.fatal(problem),
  },
);

import { loadConfig } from '@sallyport/config';
import { runApp } from '@sallyport/nest-runtime';
import { AuditModule } from './audit.module.ts';
import { AuditService } from './audit-service.ts';
import { auditConfigSections } from './config.ts';

const config = loadConfig(auditConfigSections, process.env);
await runApp(AuditModule.with(config), {
  services: [AuditService],
  drainMs: 5_000,
  report: (problem) => process.stderr.write(`audit: ${problem}\n`),
});

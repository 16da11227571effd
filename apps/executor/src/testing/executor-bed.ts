import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { NestFactory } from '@nestjs/core';
import { parseConfig } from '@sallyport/config';
import { serviceName, type TlsFiles } from '@sallyport/grpc';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import type { SandboxDriver } from '@sallyport/sandbox';

import { executorConfigSections } from '../config.ts';
import { ExecutorModule } from '../executor.module.ts';
import { openExecutorHost } from '../executor-host.ts';
import { ExecutorService } from '../executor-service.ts';
import type { ToolRunner } from '../ports/tool-runner.ts';
import { FakeScheduler } from './fake-scheduler.ts';

export const environmentKey = 'ek-0123456789abcdef';

/** Certificates, files and the schedulers of one test file. */
export class ExecutorBed {
  readonly directory = mkdtempSync(join(tmpdir(), 'sallyport-executor-'));
  readonly #authority: CertificateAuthority;
  readonly #notAfter: Date;
  #schedulers = 0;

  private constructor(authority: CertificateAuthority, notAfter: Date) {
    this.#authority = authority;
    this.#notAfter = notAfter;
  }

  static async open(): Promise<ExecutorBed> {
    const notAfter = new Date(Date.now() + 3_600_000);
    return new ExecutorBed(await createCertificateAuthority('test', notAfter), notAfter);
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  file(name: string, text: string, mode = 0o600): string {
    const path = join(this.directory, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  async tls(name: string): Promise<TlsFiles> {
    const issued = await issueCertificate(this.#authority, {
      dnsNames: [name],
      notAfter: this.#notAfter,
      usage: 'both',
    });
    return {
      certFile: this.file(`${name}.crt`, issued.certificatePem),
      keyFile: this.file(`${name}.key`, issued.keyPem),
      caFile: this.file('ca.crt', this.#authority.certificatePem),
    };
  }

  /** A scheduler at its own address, or at that of one that was. */
  async scheduler(former?: string): Promise<{ readonly scheduler: FakeScheduler; readonly address: string }> {
    this.#schedulers += 1;
    const address = former ?? `unix:${join(this.directory, `scheduler-${this.#schedulers}.sock`)}`;
    const scheduler = new FakeScheduler(address, await this.tls(serviceName.scheduler));
    await scheduler.start();
    return { scheduler, address };
  }

  /** The variables of an executor that dials that scheduler. */
  async environment(address: string, more: Readonly<Record<string, string>> = {}): Promise<Record<string, string>> {
    const tls = await this.tls(serviceName.executor);
    return {
      EXECUTOR_SCHEDULER_ADDRESS: address,
      EXECUTOR_ENVIRONMENT_KEY_FILE: this.file('environment.key', environmentKey),
      EXECUTOR_TLS_CERT_FILE: tls.certFile,
      EXECUTOR_TLS_KEY_FILE: tls.keyFile,
      EXECUTOR_TLS_CA_FILE: tls.caFile,
      EXECUTOR_STATE_DIR: join(this.directory, 'state'),
      EXECUTOR_CACHE_DIR: join(this.directory, 'cache'),
      EXECUTOR_SLOTS: '4',
      EXECUTOR_LOG_LEVEL: 'silent',
      ...more,
    };
  }

  /** An executor in this process, wired as in its own. */
  async executor(
    environment: Readonly<Record<string, string>>,
    driver: SandboxDriver,
    tools: ToolRunner,
  ): Promise<{ readonly service: ExecutorService; readonly reports: string[]; readonly drains: () => number }> {
    const config = parseConfig(executorConfigSections, environment);
    const host = await openExecutorHost(config, () => driver);
    if (!host.ok) throw new Error(host.reason);
    const reports: string[] = [];
    let drains = 0;
    const ends = { report: (problem: string) => void reports.push(problem), onDrain: () => (drains += 1) };
    const module = ExecutorModule.with(config, host.value, tools, ends);
    const context = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    return { service: context.get(ExecutorService), reports, drains: () => drains };
  }
}

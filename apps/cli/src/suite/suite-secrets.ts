import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { readIfThere, replaceFile } from './atomic-file.ts';

/** Roles of the suite's database; each has a password of its own. */
export const databaseRoles = ['control', 'router', 'scheduler', 'audit', 'event_log'] as const;
export type DatabaseRole = (typeof databaseRoles)[number];

/** Paths of the files that hold the suite's secrets. */
export interface SuiteSecrets {
  readonly postgresPassword: string;
  readonly rolePassword: Readonly<Record<DatabaseRole, string>>;
  /** 32 bytes, base64: seals tunnel secrets in control's database. */
  readonly sealingKey: string;
  readonly operatorKey: string;
  /** 32 bytes, base64: salts the commitments to payloads. */
  readonly commitmentKey: string;
  /** Ed25519, PKCS #8: signs checkpoints. */
  readonly signingKey: string;
  /** By which the demo's executor is let in; control shows it once. */
  readonly environmentKey: string;
}

export function suiteSecretsAt(directory: string): SuiteSecrets {
  const at = (name: string) => join(directory, name);
  return {
    postgresPassword: at('postgres-password'),
    rolePassword: {
      control: at('postgres-control-password'),
      router: at('postgres-router-password'),
      scheduler: at('postgres-scheduler-password'),
      audit: at('postgres-audit-password'),
      event_log: at('postgres-event-log-password'),
    },
    sealingKey: at('sealing-key'),
    operatorKey: at('operator-key'),
    commitmentKey: at('commitment-key'),
    signingKey: at('checkpoint-signing-key.pem'),
    environmentKey: at('environment-key'),
  };
}

/** Makes each secret once; what is there stays. */
export function ensureSuiteSecrets(directory: string): SuiteSecrets {
  const secrets = suiteSecretsAt(directory);
  const key = () => randomBytes(32).toString('base64');
  const password = () => randomBytes(24).toString('base64url');
  for (const path of [secrets.postgresPassword, ...Object.values(secrets.rolePassword)]) ensure(path, password);
  ensure(secrets.sealingKey, key);
  ensure(secrets.commitmentKey, key);
  ensure(secrets.operatorKey, () => `sk-sallyport-${randomBytes(32).toString('base64url')}`);
  ensure(secrets.signingKey, () =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  );
  return secrets;
}

function ensure(path: string, make: () => string): void {
  if (readIfThere(path) === undefined) replaceFile(path, `${make().trim()}\n`);
}

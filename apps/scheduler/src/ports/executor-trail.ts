export interface ExecutorIdentity {
  readonly executorId: string;
  readonly environmentId: string;
  readonly workspaceId: string;
  readonly environmentKeyId: string;
}

export interface ExecutorDescription {
  readonly version: string;
  readonly tier: 'none' | 'namespace';
  readonly insecureNoIsolation: boolean;
  readonly region: string;
  readonly slots: number;
  readonly unproved: readonly string[];
}

/** What the audit log is told about executors. A connection counts only once it is recorded. */
export abstract class ExecutorTrail {
  abstract connected(executor: ExecutorIdentity, description: ExecutorDescription): Promise<void>;
  abstract refused(executor: ExecutorIdentity, reason: string): Promise<void>;
  /** `actorId`: who asked for it. */
  abstract drained(actorId: string, executor: ExecutorIdentity): Promise<void>;
  abstract disconnected(executor: ExecutorIdentity, reason: string): Promise<void>;
}

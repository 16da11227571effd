export interface SessionAttempt {
  readonly workspaceId: string;
  readonly principalId: string;
  readonly sessionId: string;
  readonly callId: string;
}

/** What the audit log is told of calls that belong to no session. */
export abstract class SessionTrail {
  abstract refused(attempt: SessionAttempt, reason: string): Promise<void>;
}

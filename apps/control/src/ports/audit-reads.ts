/** Records that somebody read the audit trail: a read is an event too. */
export abstract class AuditReads {
  abstract record(actorId: string, workspaceId: string, operation: string, callId?: string): Promise<void>;
}

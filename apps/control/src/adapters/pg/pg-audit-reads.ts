import { inTransaction } from '@sallyport/pg';
import type pg from 'pg';
import { AuditReads } from '../../ports/audit-reads.ts';
import type { ControlChanges } from './control-changes.ts';

export class PgAuditReads extends AuditReads {
  readonly #pool: pg.Pool;
  readonly #changes: ControlChanges;

  constructor(pool: pg.Pool, changes: ControlChanges) {
    super();
    this.#pool = pool;
    this.#changes = changes;
  }

  override record(actorId: string, workspaceId: string, operation: string, callId?: string): Promise<void> {
    const body = { workspaceId, operation, ...(callId === undefined ? {} : { callId }) };
    return inTransaction(this.#pool, (client) =>
      this.#changes.publish(client, actorId, [{ name: 'audit_read', body }]),
    );
  }
}

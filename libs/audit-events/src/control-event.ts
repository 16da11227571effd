import { z } from 'zod';

const id = z.string().max(64);
const name = z.string().max(255).nullable();

const executorShape = { workspaceId: id, environmentId: id, executorId: id, environmentKeyId: id };
const leaseShape = {
  workspaceId: id,
  environmentId: id,
  sessionId: id,
  workId: id,
  executorId: id,
  /** The fencing token of the claim. */
  leaseToken: z.int().positive(),
};

export const controlBodySchemas = {
  workspace_created: z.strictObject({ workspaceId: id, name: z.string().max(255) }),
  api_key_created: z.strictObject({
    workspaceId: id,
    apiKeyId: id,
    name: z.string().max(255),
    scopes: z.array(z.string().max(32)).max(8),
  }),
  api_key_revoked: z.strictObject({ workspaceId: id, apiKeyId: id }),
  policy_changed: z.strictObject({
    workspaceId: id,
    policyId: id,
    policySha256: z.string().max(64),
    rules: z.int().nonnegative(),
  }),
  tunnel_created: z.strictObject({
    workspaceId: id,
    tunnelId: id,
    displayName: name,
    domain: z.string().max(255),
    mode: z.enum(['end_to_end', 'transport']),
  }),
  tunnel_archived: z.strictObject({ workspaceId: id, tunnelId: id }),
  tunnel_token_revealed: z.strictObject({ workspaceId: id, tunnelId: id, tokenId: id }),
  tunnel_token_rotated: z.strictObject({
    workspaceId: id,
    tunnelId: id,
    tokenId: id,
    reason: z.string().max(255).nullable(),
  }),
  tunnel_certificate_registered: z.strictObject({
    workspaceId: id,
    tunnelId: id,
    certificateId: id,
    fingerprint: z.string().max(64),
  }),
  tunnel_certificate_archived: z.strictObject({ workspaceId: id, tunnelId: id, certificateId: id }),
  environment_created: z.strictObject({
    workspaceId: id,
    environmentId: id,
    name: z.string().max(255),
    requiredTier: z.string().max(16),
  }),
  environment_archived: z.strictObject({ workspaceId: id, environmentId: id }),
  environment_key_created: z.strictObject({
    workspaceId: id,
    environmentId: id,
    environmentKeyId: id,
    name: z.string().max(255),
  }),
  environment_key_revoked: z.strictObject({ workspaceId: id, environmentId: id, environmentKeyId: id }),
  session_created: z.strictObject({ workspaceId: id, environmentId: id, sessionId: id }),
  session_archived: z.strictObject({ workspaceId: id, environmentId: id, sessionId: id }),
  /** A call named a session that is none of the workspace's. */
  session_refused: z.strictObject({ workspaceId: id, sessionId: id, callId: id, reason: z.string().max(64) }),
  executor_connected: z.strictObject({
    ...executorShape,
    version: z.string().max(64),
    /** Derived from what the executor's self-test proved. */
    tier: z.string().max(16),
    insecureNoIsolation: z.boolean(),
    region: z.string().max(64),
    slots: z.int().nonnegative(),
    /** Checks of the self-test that were not proved. */
    unproved: z.array(z.string().max(64)).max(64),
  }),
  /** An executor was turned away, or cut off. What its key does not tell is `unknown`. */
  executor_refused: z.strictObject({ ...executorShape, reason: z.string().max(64) }),
  /** Somebody asked an executor to finish its calls and leave. */
  executor_drained: z.strictObject(executorShape),
  executor_disconnected: z.strictObject({ ...executorShape, reason: z.string().max(64) }),
  lease_claimed: z.strictObject(leaseShape),
  lease_ended: z.strictObject({ ...leaseShape, reason: z.string().max(64) }),
  audit_read: z.strictObject({ workspaceId: id, operation: z.string().max(64), callId: id.optional() }),
} as const;

export type ControlEventName = keyof typeof controlBodySchemas;
export const controlEventNames = Object.keys(controlBodySchemas) as readonly ControlEventName[];

/** Something that happened to an object which is not a call, and who did it. */
export type ControlEventBody = {
  [Name in ControlEventName]: { readonly name: Name; readonly body: z.infer<(typeof controlBodySchemas)[Name]> };
}[ControlEventName];

import { z } from 'zod';

const id = z.string().max(64);
const name = z.string().max(255).nullable();

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
  audit_read: z.strictObject({ workspaceId: id, operation: z.string().max(64), callId: id.optional() }),
} as const;

export type ControlEventName = keyof typeof controlBodySchemas;
export const controlEventNames = Object.keys(controlBodySchemas) as readonly ControlEventName[];

/** Something that happened to an object which is not a call, and who did it. */
export type ControlEventBody = {
  [Name in ControlEventName]: { readonly name: Name; readonly body: z.infer<(typeof controlBodySchemas)[Name]> };
}[ControlEventName];

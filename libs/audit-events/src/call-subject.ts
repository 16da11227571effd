import { z } from 'zod';

const text = (charactersMax: number) => z.string().max(charactersMax);

/**
 * What a call is about: the same in each of its events, so that every event can be read alone. Texts that a client chose are cut to
 * their bound and made well-formed before they come here.
 */
export const callSubjectSchema = z.strictObject({
  /** `call_…`. */
  callId: text(64),
  /** `wrkspc_…`. */
  workspaceId: text(64),
  actor: z.strictObject({
    /** The credential's id, `apikey_…`: who was authenticated, by us. */
    principalId: text(64),
    authentication: z.enum(['api_key']),
    clientIp: text(64),
    /** What the client says of itself: never verified. */
    clientName: text(128).optional(),
    clientVersion: text(64).optional(),
  }),
  /** A reference to the client's MCP session where it has one, see `sessionReference`. */
  session: z.strictObject({ id: text(128) }).optional(),
  tool: z.strictObject({
    name: text(256),
    /** The subdomain that names the MCP server. */
    server: text(64),
    primitive: z.enum(['tool']),
  }),
  request: z.strictObject({
    /** The JSON-RPC id as it was written. */
    jsonrpcId: text(128),
    /** `MCP-Protocol-Version`, or the version in `_meta`. */
    protocolVersion: text(32),
    era: z.enum(['legacy', 'modern']),
  }),
  route: z.strictObject({
    tunnelId: text(64),
    host: text(255),
    mode: z.enum(['end_to_end', 'transport']),
    /** True where the proxy cannot check that it is the router who calls. */
    routerUnauthenticated: z.boolean(),
  }),
  arguments: z.strictObject({ commitment: text(64), bytes: z.int().nonnegative() }),
});

export type CallSubject = z.infer<typeof callSubjectSchema>;

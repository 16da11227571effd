import { z } from 'zod';

const text = (charactersMax: number) => z.string().max(charactersMax);

const routeSchema = z.strictObject({
  tunnelId: text(64),
  host: text(255),
  mode: z.enum(['end_to_end', 'transport']),
  /** True where the proxy cannot check that it is the router who calls. */
  routerUnauthenticated: z.boolean(),
});

const sandboxSchema = z.strictObject({
  /** `env_…`. */
  environmentId: text(64),
  /** The isolation that the environment asks for: `none` means that calls may run on the bare host. */
  requiredTier: text(16),
  /** Who runs it; absent until the call has been given to an executor. */
  executor: z
    .strictObject({
      executorId: text(64),
      /** `work_…`, and the fencing token of the claim. */
      workId: text(64),
      leaseToken: z.int().positive(),
      /** The isolation that the executor has proved. */
      tier: text(16),
      insecureNoIsolation: z.boolean(),
    })
    .optional(),
});

/**
 * What a call is about: in each of its events, so that every event can be read alone. Texts that a client chose are cut to
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
  /** For a call through a tunnel, a reference to the client's MCP session where it has one, see `sessionReference`; in a sandbox `sesn_…`. */
  session: z.strictObject({ id: text(128) }).optional(),
  tool: z.strictObject({
    name: text(256),
    /** The subdomain that names the MCP server; `sandbox` for a session's own tools. */
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
  /** Of a call through a tunnel. */
  route: routeSchema.optional(),
  /** Of a call in a sandbox. */
  sandbox: sandboxSchema.optional(),
  arguments: z.strictObject({ commitment: text(64), bytes: z.int().nonnegative() }),
});
export type CallSubject = z.infer<typeof callSubjectSchema>;
export type CallRoute = z.infer<typeof routeSchema>;
export type CallSandbox = z.infer<typeof sandboxSchema>;

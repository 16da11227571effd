import { z } from 'zod';

export const terminalPhases = ['denied', 'completed', 'failed', 'timed_out', 'cancelled', 'orphaned'] as const;
export const callPhases = ['requested', 'authorized', 'dispatched', ...terminalPhases, 'late_result'] as const;
export type CallPhase = (typeof callPhases)[number];

export function isTerminalPhase(phase: CallPhase): boolean {
  return (terminalPhases as readonly CallPhase[]).includes(phase);
}

const decisionSchema = z.strictObject({
  effect: z.enum(['allow', 'deny']),
  policyId: z.string().max(64),
  policySha256: z.string().max(64),
  /** Empty where no rule matched: the default is deny. */
  ruleId: z.string().max(64),
  reason: z.enum(['rule_allows', 'rule_denies', 'no_rule_allows']),
});
export type Decision = z.infer<typeof decisionSchema>;

/** A salted commitment, hex, and the size of what it commits to. */
const payloadSchema = z.strictObject({ commitment: z.string().max(64), bytes: z.int().nonnegative() });
export type PayloadCommitment = z.infer<typeof payloadSchema>;

const outcomeStatuses = [
  'ok',
  'input_required',
  'task',
  'tool_error',
  'jsonrpc_error',
  'http_error',
  'transport_error',
  'invalid_response',
  'not_placed',
  'sandbox_lost',
  'deadline',
  'client_cancelled',
  'client_gone',
  'lease_lost',
] as const;
export type OutcomeStatus = (typeof outcomeStatuses)[number];

const outcomeSchema = z.strictObject({
  status: z.enum(outcomeStatuses),
  /** A stable code of ours, or the JSON-RPC error code as text. */
  code: z.string().max(64).optional(),
  httpStatus: z.int().min(100).max(599).optional(),
  durationMs: z.int().nonnegative(),
  /** Whether the tool had an effect: `unknown` wherever its answer was not seen. */
  effect: z.enum(['reported', 'none', 'unknown']),
  result: payloadSchema.optional(),
  /** Whether the far side was told to stop. */
  cancelForwarded: z.boolean().optional(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

const connectionSchema = z.strictObject({ connectorId: z.string().max(64), connectionIndex: z.int().min(0).max(255) });

export const callBodySchemas = {
  requested: z.strictObject({ /** What set the call off. */ trigger: z.enum(['agent']) }),
  authorized: z.strictObject({ decision: decisionSchema }),
  denied: z.strictObject({ decision: decisionSchema }),
  dispatched: z.strictObject({
    attempt: z.int().min(1),
    deadlineMs: z.int().positive(),
    connection: connectionSchema.optional(),
  }),
  completed: z.strictObject({ outcome: outcomeSchema }),
  failed: z.strictObject({ outcome: outcomeSchema }),
  timed_out: z.strictObject({ outcome: outcomeSchema }),
  cancelled: z.strictObject({ outcome: outcomeSchema }),
  orphaned: z.strictObject({ outcome: outcomeSchema, owner: z.string().max(128) }),
  late_result: z.strictObject({ outcome: outcomeSchema }),
} as const satisfies Record<CallPhase, z.ZodType>;

/** One event of a call's life, without what is common to all of them. */
export type CallEventBody = {
  [Phase in CallPhase]: { readonly phase: Phase } & z.infer<(typeof callBodySchemas)[Phase]>;
}[CallPhase];

export { auditTopic, type AuditTopic } from './audit-topic.ts';
export {
  type CallEventBody,
  type CallPhase,
  callPhases,
  type Decision,
  isTerminalPhase,
  type Outcome,
  type OutcomeStatus,
  type PayloadCommitment,
  terminalPhases,
} from './call-event.ts';
export { type CallRoute, type CallSandbox, type CallSubject, callSubjectSchema } from './call-subject.ts';
export { callEnvelope, controlEnvelope, type EnvelopeStamp } from './envelope.ts';
export { type ControlEventBody, type ControlEventName, controlEventNames } from './control-event.ts';
export { payloadCommitment, sessionReference } from './payload-commitment.ts';
export { envelopeSchemas, type EnvelopeSchema } from './envelope-schemas.ts';

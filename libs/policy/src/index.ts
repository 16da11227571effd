export {
  appliesAt,
  decide,
  type Policy,
  type PolicyAnswer,
  type PolicyRule,
  type SandboxQuestion,
  type TunnelQuestion,
} from './policy.ts';

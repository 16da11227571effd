export { bindProblem, freeLoopbackPort } from './free-loopback-port.ts';

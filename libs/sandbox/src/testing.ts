export type { TestRunner } from './sandbox-contract-bed.ts';
export { type DriverUnderTest, sandboxDriverContract } from './sandbox-driver-contract.ts';

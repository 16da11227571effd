export { type DriverUnderTest, sandboxDriverContract, type TestRunner } from './sandbox-driver-contract.ts';

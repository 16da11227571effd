export { memoryFootprintMib } from './bwrap-arguments.ts';
export { NamespaceDriver, type NamespaceDriverOptions } from './namespace-driver.ts';
export { defaultUidRange, type UidRange } from './session-users.ts';

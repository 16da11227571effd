export { ConfigurationProblems, loadConfig, parseConfig } from './load-config.ts';
export { readSecretFile } from './read-secret-file.ts';

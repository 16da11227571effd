import { declaredDependencies } from './rules/declared-dependencies.ts';
import { deepImports } from './rules/deep-imports.ts';
import { disableReasons } from './rules/disable-reasons.ts';
import { documentedEnvironment } from './rules/documented-environment.ts';
import { domainImports } from './rules/domain-imports.ts';
import { domainPurity } from './rules/domain-purity.ts';
import { domainTests } from './rules/domain-tests.ts';
import { environment } from './rules/environment.ts';
import { fileLengths } from './rules/file-lengths.ts';
import { fileNames } from './rules/file-names.ts';
import { fileSizes } from './rules/file-sizes.ts';
import { importCycles } from './rules/import-cycles.ts';
import { indexDoors } from './rules/index-doors.ts';
import { innerImports } from './rules/inner-imports.ts';
import { layerImports } from './rules/layer-imports.ts';
import { markdownPaths } from './rules/markdown-paths.ts';
import { projectReadmes } from './rules/project-readmes.ts';
import { projectTags } from './rules/project-tags.ts';
import { registryHosts } from './rules/registry-hosts.ts';
import { technologyHomes } from './rules/technology.ts';
import type { Rule } from './violation.ts';

/** Every rule; each has a folder of its name in `fixtures/`. */
export const rules: readonly Rule[] = [
  projectTags,
  layerImports,
  declaredDependencies,
  deepImports,
  importCycles,
  technologyHomes,
  domainImports,
  domainPurity,
  domainTests,
  innerImports,
  environment,
  documentedEnvironment,
  fileNames,
  fileLengths,
  fileSizes,
  indexDoors,
  projectReadmes,
  markdownPaths,
  registryHosts,
  disableReasons,
];

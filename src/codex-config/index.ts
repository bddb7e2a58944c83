export { ConfigError, type ConfigProblem, type Position } from './config-error.ts';
export {
  type ConfiguredEnvironment,
  chooseEnvironment,
  type EnvironmentsConfig,
  LOCAL_ID,
  type LocalEnvironment,
  type ProgramEnvironment,
  parseEnvironments,
  type UrlEnvironment,
} from './environments.ts';
export { MAX_CONFIG_LENGTH } from './limits.ts';
export { parseShellPolicy, type ShellPolicyOptions } from './shell-policy.ts';

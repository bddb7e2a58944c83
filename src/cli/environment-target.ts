import { dirname, resolve } from 'node:path';
import {
  chooseEnvironment,
  type EnvironmentsConfig,
  type ProgramEnvironment,
} from '../codex-config/index.ts';
import { commandServer, type Target } from '../core/index.ts';

/**
 * Server of the environment with this id; `undefined` for this machine.
 *
 * @throws {ConfigError} if the environment does not exist or has no program
 */
export const environmentTarget = (config: EnvironmentsConfig, id: string): Target | undefined => {
  const environment = chooseEnvironment(config, id);
  if (environment.kind === 'local') return undefined;
  const { program, args, env, initializeTimeoutMs } = environment;
  return commandServer([program, ...args], {
    label: id,
    env,
    cwd: directoryOf(config, environment),
    initializeTimeoutMs,
  });
};

/** Working directory of the program of an environment; `undefined` for the current one. */
export const directoryOf = ({ file }: EnvironmentsConfig, { cwd }: ProgramEnvironment): string | undefined =>
  cwd === undefined ? undefined : resolve(dirname(file), cwd);

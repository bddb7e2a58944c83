import { dirname, resolve } from 'node:path';
import {
  chooseEnvironment,
  type EnvironmentsConfig,
  type ProgramEnvironment,
} from '../codex-config/index.ts';
import { commandServer, type Target } from '../core/index.ts';

/**
 * The server behind the environment with this id; `undefined` for this machine.
 *
 * @throws {ConfigError} when there is no such environment, or it can't be used from here
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

/** Where the program of an environment runs; `undefined` for where we are. */
export const directoryOf = ({ file }: EnvironmentsConfig, { cwd }: ProgramEnvironment): string | undefined =>
  cwd === undefined ? undefined : resolve(dirname(file), cwd);

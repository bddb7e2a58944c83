import { join } from 'node:path';
import type { Command } from 'commander';
import {
  ConfigError,
  type EnvironmentsConfig,
  MAX_CONFIG_LENGTH,
  parseEnvironments,
  parseShellPolicy,
  type ShellPolicyOptions,
} from '../codex-config/index.ts';
import { homeDirectory } from '../system/home-directory.ts';
import type { FilePolicy } from './decided-by-file.ts';
import { readExistingTextFile, readRegularTextFile } from './text-file.ts';

/**
 * Reads the environments of a file, by default of `environments.toml` in the directory of Codex, which may be missing.
 *
 * @throws {ConfigError}
 */
export const readEnvironments = (named: string | undefined): EnvironmentsConfig => {
  const file = named ?? inCodexHome('environments.toml');
  return parseEnvironments(readConfig(file, named !== undefined) ?? '', file);
};

/**
 * Reads the env policy of a file, by default of `config.toml` in the directory of Codex, which may be missing.
 *
 * @throws {ConfigError}
 */
export const readShellPolicy = (
  named: string | undefined,
  options: ShellPolicyOptions = {},
): FilePolicy | undefined => {
  const file = named ?? inCodexHome('config.toml');
  const text = readConfig(file, named !== undefined);
  const fields = text === undefined ? undefined : parseShellPolicy(text, file, options);
  return fields && { file, fields };
};

/** Runs a function that reads configuration files; a `ConfigError` ends the program like a wrong option. */
export const withConfigErrors = <Result>(command: Command, act: () => Result): Result => {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return command.error(`error: ${error.message}`);
  }
};

const inCodexHome = (name: string): string =>
  join(process.env.CODEX_HOME || join(homeDirectory() ?? '/', '.codex'), name);

/** Text of a file; `undefined` if the user did not name it and it is missing. */
const readConfig = (file: string, isNamed: boolean): string | undefined =>
  (isNamed ? readExistingTextFile : readRegularTextFile)(file, MAX_CONFIG_LENGTH);

import { join } from 'node:path';
import {
  type EnvironmentsConfig,
  MAX_CONFIG_LENGTH,
  parseEnvironments,
  parseShellPolicy,
} from '../codex-config/index.ts';
import type { EnvPolicy } from '../shared-config/env-policy.ts';
import { homeDirectory } from '../system/home-directory.ts';
import { readExistingTextFile, readTextFile } from './text-file.ts';

/**
 * The environments that there are: those of the named file, or of `environments.toml` in Codex's folder, which
 * need not be there.
 *
 * @throws {ConfigError}
 */
export const readEnvironments = (named: string | undefined): EnvironmentsConfig => {
  const file = named ?? inCodexHome('environments.toml');
  return parseEnvironments(readConfig(file, named !== undefined) ?? '', file);
};

/**
 * The policy of the named file, or of `config.toml` in Codex's folder, which need not be there.
 *
 * @throws {ConfigError}
 */
export const readShellPolicy = (named: string | undefined): EnvPolicy | undefined => {
  const file = named ?? inCodexHome('config.toml');
  const text = readConfig(file, named !== undefined);
  return text === undefined ? undefined : parseShellPolicy(text, file);
};

const inCodexHome = (name: string): string =>
  join(process.env.CODEX_HOME || join(homeDirectory() ?? '/', '.codex'), name);

/** The text of a file; `undefined` if there is none and there need not be. */
const readConfig = (file: string, mustExist: boolean): string | undefined =>
  (mustExist ? readExistingTextFile : readTextFile)(file, MAX_CONFIG_LENGTH);

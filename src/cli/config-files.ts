import { closeSync, openSync, readSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import {
  ConfigError,
  type EnvironmentsConfig,
  MAX_CONFIG_LENGTH,
  parseEnvironments,
  parseShellPolicy,
} from '../codex-config/index.ts';
import type { EnvPolicy } from '../shared-config/env-policy.ts';

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

const inCodexHome = (name: string): string => join(process.env.CODEX_HOME || join(homedir(), '.codex'), name);

/** The text of a file; `undefined` if there is none and there need not be. */
const readConfig = (file: string, mustExist: boolean): string | undefined => {
  let bytes: Buffer;
  try {
    bytes = readStart(file, MAX_CONFIG_LENGTH + 1);
  } catch (error) {
    const { code, errno, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !mustExist) return undefined;
    throw unreadable(file, getSystemErrorMap().get(errno ?? 0)?.[1] ?? message);
  }
  if (bytes.length > MAX_CONFIG_LENGTH) throw unreadable(file, `it has more than ${MAX_CONFIG_LENGTH} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unreadable(file, 'it is not UTF-8');
  }
};

const unreadable = (file: string, why: string): ConfigError =>
  new ConfigError(file, [{ at: undefined, text: `can't be read: ${why}` }]);

// Not as a whole at once: it may be a pipe or a device.
const readStart = (file: string, most: number): Buffer => {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(most);
    let length = 0;
    for (let read = -1; read !== 0 && length < most; length += read) {
      read = readSync(descriptor, bytes, length, most - length, null);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
};

import { constants, existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { ParamsOut, ResultIn } from '../../protocol/define.ts';
import {
  configInvalid,
  ExecServerError,
  invalidParams,
  limitExceeded,
  unsupported,
} from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { fileUri } from '../../protocol/native-path.ts';
import { sharedCodeDirectory } from '../../system/installed-package.ts';
import type { Host } from './host.ts';
import { MAX_CONFIG_BYTES } from './limits.ts';

type Result = ResultIn<Requests['environmentConfig/read']>;
type Layers = Result['config'];
type Select = (text: string, file: string, paths: readonly [string, ...string[]][]) => string;

/**
 * Reads the settings of OpenAI Codex on this host, as far as they are asked for. A file that isn't there is no
 * layer, and so is one that says nothing at the paths.
 *
 * @throws {ExecServerError} `configInvalid` for a file that isn't TOML, `fileError`, `fileRefused` or `limitExceeded` for one that can't be read,
 * `invalidParams` if nothing is asked for, `unsupported` where the part that reads TOML isn't installed
 */
export const readEnvironmentConfig = async (
  { configPaths, requirementsPaths }: ParamsOut<Requests['environmentConfig/read']>,
  host: Host,
): Promise<Result> => {
  if (configPaths.length + requirementsPaths.length === 0) {
    throw invalidParams('configPaths', 'expected a path here or in requirementsPaths');
  }
  const select = await loadSelect();
  const uri = (path: string) => fileUri(path, host.platform);
  const codexHome = host.env.CODEX_HOME || join(host.homeDir, '.codex');
  const layer = async (
    file: string,
    source: string,
    paths: readonly string[][],
  ): Promise<Layers['layers']> => {
    const text = await textOf(file);
    if (text === undefined) return [];
    const toml = selected(() => select(text, file, paths as [string, ...string[]][]));
    return toml === '' ? [] : [{ source, baseDir: uri(dirname(file)), toml }];
  };
  // Windows has no such place.
  const ofSystem = (name: string, paths: readonly string[][], source: (file: string) => string) =>
    host.platform === 'win32' ? [] : layer(join(SYSTEM_DIR, name), source(join(SYSTEM_DIR, name)), paths);

  const system = await ofSystem('config.toml', configPaths, file => `system (${file})`);
  const userFile = join(codexHome, 'config.toml');
  const user = await layer(userFile, `user (${userFile})`, configPaths);
  const requirements = await ofSystem('requirements.toml', requirementsPaths, file => file);
  return {
    userHomeDir: uri(host.homeDir),
    codexHomeDir: uri(codexHome),
    hostname: hostname(),
    config: { layers: [...system, ...user], cloudInsertionIndex: system.length },
    requirements: { layers: requirements, cloudInsertionIndex: requirements.length },
  };
};

/** Whether the part that reads TOML is there: a program that was copied alone has none. */
export const canReadConfig = (): boolean => partProblem() === undefined;

const partProblem = (): string | undefined => {
  // As modules the parts are always together; the program is built without an `import.meta.url`.
  if ((import.meta.url as string | undefined) !== undefined) return undefined;
  if (!existsSync(join(dirname(__filename), PART))) return `${PART} is not beside it`;
  const shared = sharedCodeDirectory();
  return shared && `other users can write to ${shared}, so ${PART} is not loaded`;
};

/** What the build makes of the part that reads TOML. */
const PART = 'exec-server-config.cjs';

const SYSTEM_DIR = '/etc/codex';

// The program that is copied alone does without: a parser that hardly anybody asks for would slow its start.
const loadSelect = async (): Promise<Select> => {
  const problem = partProblem();
  if (problem !== undefined) {
    throw unsupported('environmentConfig/read', `this is the server alone: ${problem}`);
  }
  return (await import('../../codex-config/select-toml.ts')).selectToml;
};

/** A regular file only: a FIFO would have one of the few threads that do file work wait for a writer. */
const textOf = async (file: string): Promise<string | undefined> => {
  const { openRegular } = await import('../files/regular-file.ts');
  try {
    const handle = await openRegular(file, file, constants.O_RDONLY);
    try {
      const { size } = await handle.stat();
      if (size > MAX_CONFIG_BYTES) throw limitExceeded('configBytes', size, MAX_CONFIG_BYTES);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ExecServerError && ['ENOENT', 'ENOTDIR'].includes(String(error.data.errno)))
      return undefined;
    throw error;
  }
};

const selected = (select: () => string): string => {
  try {
    return select();
  } catch (error) {
    if ((error as Error).name !== 'ConfigError') throw error;
    throw configInvalid((error as Error).message);
  }
};

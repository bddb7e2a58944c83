import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { devNull, hostname } from 'node:os';
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
import { bundlePath } from '../../system/bundle.ts';
import { sharedCodeDirectory } from '../../system/installed-package.ts';
import type { Host } from './host.ts';
import { MAX_CONFIG_BYTES } from './limits.ts';

type Result = ResultIn<Requests['environmentConfig/read']>;
type Layers = Result['config'];
type Select = (text: string, file: string, paths: readonly [string, ...string[]][]) => string;

/**
 * Reads the requested keys of the configuration of OpenAI Codex on this host. A file that does not exist, or has none of
 * the keys, is not among the layers.
 *
 * @throws {ExecServerError} `configInvalid` for a file that is not TOML; `fileError`, `fileRefused` or `limitExceeded`
 *   for one that cannot be read; `invalidParams` without a path; `unsupported` without the file that reads TOML
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
    const text = await readText(file);
    if (text === undefined) return [];
    const toml = selected(() => select(text, file, paths as [string, ...string[]][]));
    return toml === '' ? [] : [{ source, baseDir: uri(dirname(file)), toml }];
  };
  // Windows has no directory for it.
  const systemLayer = (name: string, paths: readonly string[][], source: (file: string) => string) =>
    host.platform === 'win32' ? [] : layer(join(SYSTEM_DIR, name), source(join(SYSTEM_DIR, name)), paths);

  const system = await systemLayer('config.toml', configPaths, file => `system (${file})`);
  const userFile = join(codexHome, 'config.toml');
  const user = await layer(userFile, `user (${userFile})`, configPaths);
  const requirements = await systemLayer('requirements.toml', requirementsPaths, file => file);
  return {
    userHomeDir: uri(host.homeDir),
    codexHomeDir: uri(codexHome),
    hostname: hostname(),
    config: { layers: [...system, ...user], cloudInsertionIndex: system.length },
    requirements: { layers: requirements, cloudInsertionIndex: requirements.length },
  };
};

/** Returns true if the code that reads TOML is available; a program that was copied alone has none. */
export const canReadConfig = (): boolean => missingReader() === undefined;

const missingReader = (): string | undefined => {
  const program = bundlePath();
  if (program === undefined) return undefined;
  if (!existsSync(join(dirname(program), READER))) return `${READER} is not in the same directory`;
  const shared = sharedCodeDirectory();
  return shared && `other users can write to ${shared}, so ${READER} is not loaded`;
};

/** Bundle of the code that reads TOML; see scripts/build.js. */
const READER = 'exec-server-config.cjs';

const SYSTEM_DIR = '/etc/codex';

// In a bundle of its own, since a parser that few clients need would slow down every start.
const loadSelect = async (): Promise<Select> => {
  const problem = missingReader();
  if (problem !== undefined) {
    throw unsupported('environmentConfig/read', `this is the standalone server: ${problem}`);
  }
  // Since Node 24 the loader reports a shortage of descriptors as an invalid package.json; this open reports it as such.
  closeSync(openSync(devNull, 'r'));
  return (await import('../../codex-config/select-toml.ts')).selectToml;
};

/** Reads a regular file: a FIFO would block a thread of the pool until it has a writer. */
const readText = async (file: string): Promise<string | undefined> => {
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

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The release of Codex that the tests run. */
export const CODEX_VERSION = '0.171.0';

/**
 * The program of OpenAI Codex, in the user's cache directory; it is not a dependency of this package. Installs it from
 * the npm registry if it is missing.
 */
export const codexProgram = (): string => {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'exec-server');
  const directory = join(cache, `codex-${CODEX_VERSION}`);
  if (!existsSync(directory)) install(directory);
  return findProgram(directory);
};

// Installs into a temporary directory and renames it when complete, so that an interrupted installation is not used.
const install = (directory: string): void => {
  const temporary = `${directory}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    execFileSync(
      'npm',
      [
        'install',
        '--prefix',
        temporary,
        '--no-save',
        '--no-audit',
        '--no-fund',
        `@openai/codex@${CODEX_VERSION}`,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (!existsSync(directory)) renameSync(temporary, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
};

/** The path of the native program, without its npm launcher. */
const findProgram = (directory: string): string => {
  const packages = join(directory, 'node_modules/@openai');
  for (const name of readdirSync(packages)) {
    const vendor = join(packages, name, 'vendor');
    for (const target of existsSync(vendor) ? readdirSync(vendor) : []) {
      const program = join(vendor, target, 'bin', process.platform === 'win32' ? 'codex.exe' : 'codex');
      if (existsSync(program)) return program;
    }
  }
  throw new Error(`@openai/codex ${CODEX_VERSION} has no program for this machine`);
};

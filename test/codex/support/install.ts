import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The release that the suite speaks with. */
export const CODEX_VERSION = '0.169.0';

/**
 * The program of OpenAI Codex, from the npm registry, in a folder of the user's cache: it is no dependency
 * of this package. Only the first call ever installs it.
 */
export const codexProgram = (): string => {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'exec-server');
  const folder = join(cache, `codex-${CODEX_VERSION}`);
  if (!existsSync(folder)) install(folder);
  return findProgram(folder);
};

// Installed beside and put in its place when it is complete, so that half of it is never taken for all.
const install = (folder: string): void => {
  const made = `${folder}.${process.pid}`;
  mkdirSync(made, { recursive: true });
  try {
    execFileSync(
      'npm',
      ['install', '--prefix', made, '--no-save', '--no-audit', '--no-fund', `@openai/codex@${CODEX_VERSION}`],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (!existsSync(folder)) renameSync(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
};

/** The native program: its launcher for npm would only start it. */
const findProgram = (folder: string): string => {
  const packages = join(folder, 'node_modules/@openai');
  for (const name of readdirSync(packages)) {
    const vendor = join(packages, name, 'vendor');
    for (const target of existsSync(vendor) ? readdirSync(vendor) : []) {
      const program = join(vendor, target, 'bin', process.platform === 'win32' ? 'codex.exe' : 'codex');
      if (existsSync(program)) return program;
    }
  }
  throw new Error(`@openai/codex ${CODEX_VERSION} has no program for this machine`);
};

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { ConfigError } from '../../src/codex-config/index.ts';

/** Sets CODEX_HOME to a new directory for each test of a suite. */
export const useCodexHome = () => {
  let folder = '';
  let own: string | undefined;

  beforeEach(() => {
    own = process.env.CODEX_HOME;
    folder = mkdtempSync(join(tmpdir(), 'exec-server-'));
    process.env.CODEX_HOME = folder;
  });

  afterEach(() => {
    if (own === undefined) delete process.env.CODEX_HOME;
    else process.env.CODEX_HOME = own;
    rmSync(folder, { recursive: true });
  });

  return {
    path: (name: string) => join(folder, name),
    /** Writes a file in the directory and returns its path. */
    write: (name: string, content: string | Buffer): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    },
  };
};

/** Message of the error that a function throws. */
export const errorOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError || error instanceof CommanderError) return error.message;
    throw error;
  }
  throw new Error('did not throw');
};

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Makes a home directory with these files. */
export const makeHome = (files: Readonly<Record<string, string>>): string => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'login-env-test-')));
  for (const [name, text] of Object.entries(files)) {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return home;
};

/** Removes it with all files that a killed shell may have left. */
export const removeHome = (home: string): void => rmSync(home, { recursive: true, force: true });

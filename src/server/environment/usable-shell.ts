import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute } from 'node:path';

/** A shell that runs commands. */
export type UsableShell = {
  readonly path: string;
  /** The shell that should have been used, and the reason why it cannot be, which continues a sentence. */
  readonly insteadOf?: { readonly path: string; readonly reason: string };
};

/** Returns the first of the shells that can run commands, or /bin/sh. Names that are empty or missing are skipped. */
export const usableShell = (...candidates: ReadonlyArray<string | undefined>): UsableShell => {
  const shells = [...candidates.filter(path => path !== undefined && path !== ''), LAST_RESORT] as string[];
  const path = shells.find(shell => problemOf(shell) === undefined) ?? LAST_RESORT;
  const [first = path] = shells;
  const reason = first === path ? undefined : problemOf(first);
  return { path, ...(reason !== undefined && { insteadOf: { path: first, reason } }) };
};

const LAST_RESORT = '/bin/sh';

const problemOf = (shell: string): string | undefined => {
  if (!isAbsolute(shell)) return 'is not an absolute path';
  try {
    if (!statSync(shell).isFile()) return 'is not a file';
    accessSync(shell, constants.X_OK);
    // A link may give another name to such a program, and busybox has all its programs in one file.
    if ([shell, realpathSync(shell)].some(path => NOT_SHELLS.has(basename(path)))) return 'runs no commands';
  } catch (error) {
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    return PROBLEMS[code] ?? `cannot be used (${code})`;
  }
  return undefined;
};

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'is not executable',
};

/** Programs in the place of a shell that run no commands, or only their own. */
const NOT_SHELLS = new Set([
  ...['nologin', 'false', 'true', 'noshell', 'sync', 'halt', 'shutdown', 'poweroff', 'reboot'],
  ...['git-shell', 'scponly', 'rssh', 'sftp-server', 'internal-sftp', 'svnserve'],
]);

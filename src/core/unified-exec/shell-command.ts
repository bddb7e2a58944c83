import { posix, win32 } from 'node:path';
import { MAX_ARGUMENT_BYTES } from '../../protocol/limits.ts';
import { inParts } from './script-parts.ts';

/** A shell of the machine that a command runs on: its name in lower case without `.exe`, and its path. */
export type Shell = { readonly name: string; readonly path: string };

/** Returns the shell at a path of a machine. */
export const shellAt = (path: string, platformOs: string): Shell => ({
  name: (platformOs === 'windows' ? win32 : posix)
    .basename(path)
    .toLowerCase()
    .replace(/\.exe$/, ''),
  path,
});

/**
 * Returns the program and arguments with which a shell runs a command line. One that is too long for an argument is passed
 * in several, if the shell is known to join them.
 *
 * @param login true to read the files of a login shell: `.profile`, `.zprofile`, `.login`, on Windows the profile of
 * PowerShell
 */
export const shellCommand = (
  { name, path }: Shell,
  command: string,
  login: boolean,
): readonly [string, ...string[]] => {
  switch (name) {
    case 'cmd':
      return [path, '/c', command];
    case 'powershell':
    case 'pwsh':
      return [path, ...(login ? [] : ['-NoProfile']), '-Command', command];
    case 'csh':
    case 'tcsh':
      // Their -l allows no other option.
      return runScript(name, [path, '-c'], login ? `${CSH_LOGIN}${command}` : command);
    case 'bash':
    case 'zsh':
    case 'sh':
      return runScript(name, [path, login ? '-lc' : '-c'], command);
    default:
      return runScript(name, [path, ...(login ? ['-l'] : []), '-c'], command);
  }
};

const runScript = (
  name: string,
  argv: readonly [string, ...string[]],
  script: string,
): readonly [string, ...string[]] =>
  (Buffer.byteLength(script) > MAX_ARGUMENT_BYTES ? inParts(name, argv, script) : undefined) ?? [
    ...argv,
    script,
  ];

const CSH_LOGIN = ['/etc/csh.login', '~/.login'].map(file => `if (-r ${file}) source ${file}\n`).join('');

/**
 * Returns the request for a snapshot of a login shell; `undefined` if the server makes none of it.
 *
 * @param scopeId id of the commands that share the snapshot
 */
export const shellSnapshotOf = (
  { name, path }: Shell,
  scopeId: string,
  capabilities: Readonly<Record<string, boolean>>,
): { readonly scopeId: string; readonly shell: Shell } | undefined =>
  capabilities.shellSnapshotV2 && SNAPSHOT_SHELLS.has(name) ? { scopeId, shell: { name, path } } : undefined;

const SNAPSHOT_SHELLS = new Set(['bash', 'zsh', 'sh']);

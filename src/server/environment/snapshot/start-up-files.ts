import { open, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Env } from '../../../shared-config/index.ts';
import { MAX_SEARCHED_BYTES, MAX_WATCHED_FILES } from './limits.ts';
import type { ShellKind } from './supported-shell.ts';

/** Start-up files of a shell, whether they exist or not, and the functions that they define. */
export type StartUpFiles = {
  readonly paths: readonly string[];
  /** Names in definitions of the form `name()`. */
  readonly functions: readonly string[];
};

/**
 * Finds the files that a login shell reads: those that its manual names, and those that these read by `source` or `.`,
 * as far as their names consist of text and variables of an environment.
 */
export const findStartUpFiles = async (kind: ShellKind, env: Env, home: string): Promise<StartUpFiles> => {
  const variables = { HOME: home, ...env };
  const paths = new Set([
    ...SYSTEM_FILES[kind],
    ...(await filesOfDirectories()),
    ...OWN_FILES[kind](variables),
  ]);
  const functions = new Set<string>();
  // The set grows in the loop.
  for (const path of paths) {
    const text = await beginningOf(path);
    for (const [, name = ''] of text.matchAll(FUNCTION)) functions.add(name);
    for (const [, word = ''] of text.matchAll(SOURCE)) {
      const file = expand(word, variables);
      if (file !== undefined && paths.size < MAX_WATCHED_FILES) paths.add(resolve('/', file));
    }
  }
  return { paths: [...paths], functions: [...functions] };
};

/** Identities and times of files as one text. With another text a file has changed, was added or removed. */
export const fingerprintOf = async (paths: readonly string[]): Promise<string> =>
  JSON.stringify(await Promise.all(paths.map(fileState)));

/** Returns true if a file has changed at or after a time, in milliseconds since the epoch. */
export const hasChangedSince = async (paths: readonly string[], time: number): Promise<boolean> => {
  const times = await Promise.all(paths.map(async path => (await statOf(path))?.ctimeMs ?? 0));
  return times.some(changedAt => changedAt >= time);
};

const statOf = (path: string) => stat(path).catch(() => undefined);

const fileState = async (path: string) => {
  const found = await statOf(path);
  return found && [found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs];
};

const PROFILE_DIRECTORY = '/etc/profile.d';

const SYSTEM_FILES: Readonly<Record<ShellKind, readonly string[]>> = {
  bash: ['/etc/profile', PROFILE_DIRECTORY, '/etc/bash.bashrc', '/etc/bashrc'],
  zsh: ['', '/zsh'].flatMap(directory =>
    ['zshenv', 'zprofile', 'zlogin', 'zshrc'].map(file => `/etc${directory}/${file}`),
  ),
  sh: ['/etc/profile', PROFILE_DIRECTORY],
};

const OWN_FILES: Readonly<Record<ShellKind, (env: Env) => string[]>> = {
  bash: ({ HOME = '/', BASH_ENV }) => [
    ...['.bash_profile', '.bash_login', '.profile', '.bashrc', '.bash_aliases'].map(file => join(HOME, file)),
    ...(BASH_ENV === undefined ? [] : [resolve('/', BASH_ENV)]),
  ],
  zsh: ({ HOME = '/', ZDOTDIR = HOME }) =>
    ['.zshenv', '.zprofile', '.zlogin', '.zshrc', '.profile'].map(file => join(ZDOTDIR, file)),
  sh: ({ HOME = '/' }) => [join(HOME, '.profile')],
};

const filesOfDirectories = async (): Promise<string[]> => {
  const names = await readdir(PROFILE_DIRECTORY).catch(() => []);
  return names.slice(0, MAX_WATCHED_FILES / 2).map(name => join(PROFILE_DIRECTORY, name));
};

/** The beginning of a regular file; empty if it cannot be read. */
const beginningOf = async (path: string): Promise<string> => {
  // A FIFO would wait for a writer.
  if (!(await statOf(path))?.isFile()) return '';
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_SEARCHED_BYTES));
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
};

/** A command that reads a file. The name is a word, perhaps in quotes. */
const SOURCE =
  /(?:^|[;&|{(]|\b(?:then|else|do)\b)[ \t]*(?:\\?\.|source)[ \t]+("[^"\n]*"|'[^'\n]*'|[^\s;&|)]+)/gm;

const FUNCTION = /^[ \t]*(?:function[ \t]+)?([A-Za-z_]\w*)[ \t]*\(\)/gm;

/** Expands a word of text, `~` and variables. `undefined` for other words and relative names. */
const expand = (word: string, env: Env): string | undefined => {
  const plain = word.replace(/^(['"])(.*)\1$/, '$2').replace(/^~(?=\/)/, '$HOME');
  const path = plain.replace(/\$(?:(\w+)|\{(\w+)\})/g, (_, name, braced) => env[name ?? braced] ?? '\0');
  return path.startsWith('/') && !/[\0$`*?[\]{}"']/.test(path) ? path : undefined;
};

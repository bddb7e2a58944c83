import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dependencyDirectory, ownPackageRoot } from './installed-package.ts';

/** Facts that decide where a native module is, if it can be used at all. */
export type NativeHost = {
  readonly platform: string;
  readonly arch: string;
  /** Path of the running Node. */
  readonly program: string;
  /** A file of the server's code; default: the running one. */
  readonly file?: string;
};

/**
 * Locates an optional package for a host, and the packages that it depends on in turn. Nothing is loaded, so a binary
 * that turns out not to load is known from the first use on.
 *
 * @returns the directory of each, or the reason why they cannot be used
 */
export const locateNative = (
  names: readonly [string, ...string[]],
  { platform, program, file }: NativeHost,
): [string, ...string[]] | string => {
  const [first] = names;
  const root = ownPackageRoot(file);
  if (root === undefined)
    return `${first} is loaded only from where exec-server is installed: this is a copy of its file`;
  const directories = [root];
  for (const name of names) {
    const directory = dependencyDirectory(directories.at(-1) as string, name);
    if (directory === undefined) return `the optional package ${name} is not installed`;
    directories.push(directory);
  }
  if (platform === 'linux' && usesMusl(program))
    return `the binary of ${first} needs glibc, and this system has musl`;
  return directories.slice(1) as [string, ...string[]];
};

export const thisNativeHost = (): NativeHost => ({
  platform: process.platform,
  arch: process.arch,
  program: process.execPath,
});

/**
 * Loads a module by its exact path.
 *
 * @throws {Error} with the reason in one line; with the `code` of a shortage, after which it may be tried again
 */
export const loadNative = <Module>(name: string, path: string): Module => {
  // The dynamic loader's own error has no code.
  closeSync(openSync(path, 'r'));
  try {
    return createRequire(path)(path);
  } catch (error) {
    const [line] = String((error as Error).message).split('\n');
    throw new Error(`the binary of ${name} does not load: ${line}`);
  }
};

/**
 * Returns true if a program is linked against musl, according to the dynamic loader named in its first bytes. On musl
 * the glibc binary may load through a compatibility layer, and crash later.
 */
const usesMusl = (program: string): boolean => {
  const header = Buffer.alloc(4096);
  try {
    const fd = openSync(program, 'r');
    try {
      readSync(fd, header);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
  return header.includes('/ld-musl-');
};

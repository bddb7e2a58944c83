import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { dependencyDirectory, ownPackageRoot } from '../../system/installed-package.ts';
import type { HostFacts } from './host-facts.ts';
import type { PackagedFile } from './packaged-files.ts';
import type { ClientFiles } from './runtime/client-cache.ts';
import { npmPackage } from './runtime/npm-package.ts';

/**
 * Returns the native code that terminals need on a host: from the installation of this package, or from npm for another
 * platform. None if it cannot be had: the server then reports why it has no terminals.
 */
export const terminalFiles = async (
  facts: HostFacts,
  client: ClientFiles,
): Promise<readonly PackagedFile[]> => {
  try {
    const packages = await Promise.all(terminalPackages(facts).map(one => filesOfPackage(one, client)));
    return packages.flat();
  } catch {
    return [];
  }
};

type TerminalPackage = {
  readonly name: string;
  /** The dependency of this package that has its version; default: itself. */
  readonly versionOf?: string;
  /** The files that are needed; default: all. */
  readonly needs?: RegExp;
};

const terminalPackages = ({ os, machine, libc }: HostFacts): readonly TerminalPackage[] => {
  const arch = /^(aarch64|arm64)$/.test(machine) ? 'arm64' : 'x64';
  if (os === 'Darwin') return [{ name: PTY }, { name: `${PTY}-darwin-${arch}`, versionOf: PTY }];
  const build = libc?.name === 'musl' ? 'musl' : 'linux';
  const needs = new RegExp(`^package\\.json$|^${build}_${arch}/`);
  return os === 'Linux' ? [{ name: `@koromix/koffi-linux-${arch}`, needs }] : [];
};

const PTY = '@lydell/node-pty';

const filesOfPackage = async (
  { name, versionOf = name, needs = /^/ }: TerminalPackage,
  client: ClientFiles,
): Promise<PackagedFile[]> => {
  const directory = await packageDirectory(name, versionOf, client);
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter(entry => entry.isFile())
    .map(entry => relative(directory, join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
  return Promise.all(
    paths.filter(path => needs.test(path)).map(path => fileOf(directory, `node_modules/${name}`, path)),
  );
};

const fileOf = async (directory: string, prefix: string, path: string): Promise<PackagedFile> => {
  const file = join(directory, path);
  const [content, { mode }] = await Promise.all([readFile(file), stat(file)]);
  return { path: `${prefix}/${path}`, mode: mode & 0o100 ? 0o700 : 0o600, content };
};

const packageDirectory = async (name: string, versionOf: string, client: ClientFiles): Promise<string> => {
  const root = ownPackageRoot();
  if (root === undefined)
    throw new Error('the versions are in the package.json of exec-server, which is missing');
  const installed = dependencyDirectory(root, name);
  if (installed !== undefined) return installed;
  const { optionalDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return npmPackage(name, optionalDependencies[versionOf], client);
};

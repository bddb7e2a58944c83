import type { HostFacts } from './host-facts.ts';

/** A platform that Node is built for, by the names of Node. */
export type HostPlatform = {
  readonly platform: 'linux' | 'darwin';
  readonly arch: 'x64' | 'arm64';
};

/** The oldest glibc that the builds of Node run with. */
const OLDEST_GLIBC = '2.28';

/** Returns the platform of a host, or the reason why no build of Node is known to run there. */
export const hostPlatform = ({ os, machine, libc }: HostFacts): HostPlatform | string => {
  const arch = ARCHITECTURES[machine];
  if (os === 'Darwin' && arch !== undefined) return { platform: 'darwin', arch };
  if (os !== 'Linux' || arch === undefined) return `there is no build of Node for ${os} on ${machine}`;
  if (libc === undefined) return 'Node needs glibc, which was not found on the host';
  if (libc.name === 'musl') return 'Node needs glibc, and the host has musl';
  // Without a version, the host runs what is sent before it uses it.
  return libc.version !== undefined && isOlder(libc.version, OLDEST_GLIBC)
    ? `Node needs glibc ${OLDEST_GLIBC} or later, and the host has ${libc.version}`
    : { platform: 'linux', arch };
};

/** Processors by `uname -m`, by the names of Node. */
export const ARCHITECTURES: Readonly<Record<string, HostPlatform['arch']>> = {
  x86_64: 'x64',
  amd64: 'x64',
  aarch64: 'arm64',
  arm64: 'arm64',
};

const isOlder = (version: string, limit: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [limitMajor = 0, limitMinor = 0] = limit.split('.').map(Number);
  return major < limitMajor || (major === limitMajor && minor < limitMinor);
};

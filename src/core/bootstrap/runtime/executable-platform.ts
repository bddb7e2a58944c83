import { open } from 'node:fs/promises';
import { ARCHITECTURES, type HostPlatform } from '../host-platform.ts';

/** The platform that an executable is for; without `arch` for a processor that has no build of Node in npm. */
export type ExecutablePlatform = {
  readonly os: 'Linux' | 'Darwin';
  readonly arch?: HostPlatform['arch'] | undefined;
};

/**
 * Reads from the header of a file which platform it is an executable for.
 *
 * @returns `undefined` for a file that is no executable of Linux or macOS
 */
export const executablePlatform = async (path: string): Promise<ExecutablePlatform | undefined> => {
  const header = Buffer.alloc(HEADER_BYTES);
  await using file = await open(path);
  const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0);
  if (bytesRead < HEADER_BYTES) return undefined;
  if (header.subarray(0, 4).equals(ELF))
    return { os: 'Linux', arch: ELF_MACHINES[header.readUInt16LE(0x12)] };
  if (header.readUInt32BE(0) === UNIVERSAL) return { os: 'Darwin' };
  return header.readUInt32LE(0) === MACH_O
    ? { os: 'Darwin', arch: MACH_O_PROCESSORS[header.readUInt32LE(4)] }
    : undefined;
};

/** Returns the reason why a host cannot run an executable; `undefined` if its header allows it. */
export const platformMismatch = (
  executable: ExecutablePlatform,
  { os, machine }: { readonly os: string; readonly machine: string },
): string | undefined => {
  const arch = ARCHITECTURES[machine];
  const isOther = executable.arch !== undefined && arch !== undefined && executable.arch !== arch;
  return executable.os !== os || isOther
    ? `is for ${[executable.os, executable.arch].filter(Boolean).join(' on ')}, and the host is ${os} on ${machine}`
    : undefined;
};

const HEADER_BYTES = 0x14;
const ELF = Buffer.from('\x7fELF', 'latin1');
const ELF_MACHINES: Readonly<Record<number, HostPlatform['arch']>> = { 62: 'x64', 183: 'arm64' };
const MACH_O = 0xfeedfacf;
/** A file for several processors. */
const UNIVERSAL = 0xcafebabe;
const MACH_O_PROCESSORS: Readonly<Record<number, HostPlatform['arch']>> = {
  16777223: 'x64',
  16777228: 'arm64',
};

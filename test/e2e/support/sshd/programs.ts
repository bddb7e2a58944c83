import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Absolute paths of the OpenSSH programs. */
export type SshPrograms = { readonly sshd: string; readonly ssh: string; readonly sshKeygen: string };

/**
 * The reason why a real sshd cannot run on this machine, with the Debian packages to install; `undefined` if it can.
 *
 * @param directories the directories to search, in order
 */
export const sshdUnavailable = (directories = searchPath()): string | undefined => {
  if (process.platform === 'win32') return 'the sshd of the tests needs a POSIX system';
  const missing = Object.entries(debianPackages).filter(([name]) => !find(name, directories));
  if (missing.length === 0) return undefined;
  return missing.map(([name, debian]) => `no program ${name} (Debian package ${debian})`).join(', ');
};

/** The paths of the programs. Throws the reason of `sshdUnavailable` if one is missing. */
export const sshPrograms = (): SshPrograms => {
  const directories = searchPath();
  const sshd = find('sshd', directories);
  const ssh = find('ssh', directories);
  const sshKeygen = find('ssh-keygen', directories);
  if (!sshd || !ssh || !sshKeygen)
    throw new Error(`sshd cannot run on this machine: ${sshdUnavailable(directories)}`);
  return { sshd, ssh, sshKeygen };
};

const debianPackages = {
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
} as const;

const find = (name: string, directories: readonly string[]): string | undefined =>
  directories.map(directory => join(directory, name)).find(isProgram);

// The sbin directories are in the PATH of root only, on some systems in none.
const searchPath = (): string[] => [
  ...(process.env.PATH ?? '').split(delimiter).filter(directory => directory.startsWith('/')),
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/local/bin',
  '/opt/homebrew/sbin',
];

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

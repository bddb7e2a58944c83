import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SshPrograms } from './programs.ts';

/** The paths in the directory of one sshd. */
export const sshdFiles = (directory: string) => ({
  directory,
  home: join(directory, 'home'),
  hostKey: join(directory, 'host_key'),
  clientKey: join(directory, 'client_key'),
  authorizedKeys: join(directory, 'authorized_keys'),
  knownHosts: join(directory, 'known_hosts'),
  sshdConfig: join(directory, 'sshd_config'),
  clientConfig: join(directory, 'ssh_config'),
  clientBin: join(directory, 'client-bin'),
});
export type SshdFiles = ReturnType<typeof sshdFiles>;

/** The name of the server in the configuration of the client. */
export const alias = 'devbox';

/** Writes the files of sshd: keys, authorized_keys, sshd_config and an empty home. */
export const writeServerFiles = async (
  files: SshdFiles,
  { sshKeygen }: SshPrograms,
  env: Readonly<Record<string, string>>,
  forceCommand: string | undefined,
): Promise<void> => {
  await mkdir(files.home);
  await Promise.all([files.hostKey, files.clientKey].map(key => createKey(sshKeygen, key)));
  await copyFile(`${files.clientKey}.pub`, files.authorizedKeys);
  await writeFile(files.sshdConfig, serverConfig(files, env, forceCommand));
};

/** Writes the files of the client of a server at `port`: known_hosts, ssh_config and the `ssh` in `clientBin`. */
export const writeClientFiles = async (
  files: SshdFiles,
  { ssh }: SshPrograms,
  port: number,
): Promise<void> => {
  await writeFile(files.knownHosts, `${alias} ${await readFile(`${files.hostKey}.pub`, 'utf8')}`);
  await writeFile(files.clientConfig, clientConfig(files, port));
  await mkdir(files.clientBin);
  const wrapper = join(files.clientBin, 'ssh');
  await writeFile(
    wrapper,
    `#!/bin/sh\nexec ${shellQuoted(ssh)} -F ${shellQuoted(files.clientConfig)} "$@"\n`,
  );
  await chmod(wrapper, 0o755);
};

const createKey = (sshKeygen: string, path: string) =>
  promisify(execFile)(sshKeygen, ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);

const serverConfig = (
  files: SshdFiles,
  env: Readonly<Record<string, string>>,
  forceCommand: string | undefined,
): string =>
  lines(
    ...(forceCommand === undefined ? [] : [`ForceCommand ${forceCommand}`]),
    'AcceptEnv EXEC_TEST_*',
    'ListenAddress 127.0.0.1',
    `HostKey ${quoted(files.hostKey)}`,
    `AuthorizedKeysFile ${quoted(files.authorizedKeys)}`,
    'PidFile none',
    // PAM needs root and would add the variables of /etc/environment.
    'UsePAM no',
    // The parents of the temporary directory may be writable by all users.
    'StrictModes no',
    'PubkeyAuthentication yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'PermitUserEnvironment no',
    'PrintMotd no',
    'PrintLastLog no',
    'UseDNS no',
    // The default drops connections at random from the tenth unauthenticated one.
    'MaxStartups 200',
    // sshd takes the first SetEnv line and ignores any other.
    `SetEnv ${Object.entries(env)
      .map(([name, value]) => quoted(`${name}=${value}`))
      .join(' ')}`,
  );

const clientConfig = (files: SshdFiles, port: number): string =>
  lines(
    `Host ${alias}`,
    `  Port ${port}`,
    'Host wronghost',
    // No process listens on this privileged port; an unknown host name would wait for a resolver instead.
    '  Port 1',
    'Host *',
    '  HostName 127.0.0.1',
    `  HostKeyAlias ${alias}`,
    `  User ${quoted(userInfo().username)}`,
    `  IdentityFile ${quoted(files.clientKey)}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    '  PreferredAuthentications publickey',
    `  UserKnownHostsFile ${quoted(files.knownHosts)}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '  BatchMode yes',
    '  SendEnv EXEC_TEST_*',
    '  ControlMaster no',
    '  ControlPath none',
    '  LogLevel ERROR',
  );

const lines = (...all: string[]): string => all.map(line => `${line}\n`).join('');

const quoted = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;

const shellQuoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;

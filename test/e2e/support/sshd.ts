import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { alias, sshdFiles, writeClientFiles, writeServerFiles } from './sshd/files.ts';
import { type Listener, listen } from './sshd/listener.ts';
import { sshPrograms } from './sshd/programs.ts';

export { describeWithSshd } from './sshd/describe.ts';
export { sshdUnavailable } from './sshd/programs.ts';

/** A real sshd on a loopback port, with keys and configuration of its own in one directory. */
export type Sshd = {
  /**
   * The alias of the server in the client's configuration. Its sessions are the current user's, in that user's
   * login shell and starting in that user's home directory.
   *
   * A second alias, `wronghost`, names a port that refuses every connection.
   */
  readonly host: string;
  /** Holds a program `ssh` that uses the client's configuration: first in PATH, it makes `ssh devbox` work. */
  readonly clientBin: string;
  /** The real ssh with that configuration, for a caller that leaves PATH alone. */
  readonly sshCommand: readonly string[];
  /** On 127.0.0.1. */
  readonly port: number;
  /** Everything of this server lies here. */
  readonly directory: string;
  /** HOME of the sessions, empty at first: shells read their start-up files (`.bashrc`) from here. */
  readonly home: string;
  /** What sshd has logged so far. */
  log(): string;
  /**
   * Closes the connections from the server's side, as a dying sshd does; new ones are still accepted. The commands
   * of the sessions are not signalled, they lose their stdin and stdout. Resolves when the connections are closed.
   */
  dropConnections(): Promise<void>;
  /**
   * Kills sshd, its sessions and their commands, waits until sshd has ended, and removes the directory. Commands
   * whose connection ended earlier are no longer sshd's and not found. Twice is harmless.
   */
  stop(): Promise<void>;
};

export type SshdOptions = {
  /** PATH of the sessions, exactly. */
  readonly remotePath: string;
  /** More variables of the sessions; HOME is `Sshd.home` unless given here. */
  readonly remoteEnv?: Readonly<Record<string, string>>;
  /**
   * A command that is run in place of every session's own, by the user's shell; `SSH_ORIGINAL_COMMAND` has the one
   * that was asked for. Variables of the client that begin with `EXEC_TEST_` are passed on.
   */
  readonly forceCommand?: string;
  /** Chooses the port; asked again when the port turns out to be taken. */
  readonly choosePort?: () => Promise<number>;
};

/**
 * Starts an sshd and resolves when it listens. It works for root and for ordinary users, several at once, and leaves
 * the system alone, except that root gets the empty /run/sshd if there is none.
 *
 * @throws where `sshdUnavailable` has a reason, and with sshd's log when it doesn't come up
 */
export const startSshd = async (options: SshdOptions): Promise<Sshd> => {
  const programs = sshPrograms();
  await createPrivilegeSeparationDirectory();
  const files = sshdFiles(await mkdtemp(join(tmpdir(), 'exec-server-sshd-')));
  try {
    const env = { HOME: files.home, ...options.remoteEnv, PATH: options.remotePath };
    await writeServerFiles(files, programs, env, options.forceCommand);
    const listener = await listenSomewhere(options.choosePort ?? freePort, port =>
      listen(programs.sshd, files.sshdConfig, port),
    );
    const stop = stopper(listener, files.directory);
    try {
      await writeClientFiles(files, programs, listener.port);
    } catch (error) {
      await stop();
      throw error;
    }
    return {
      host: alias,
      clientBin: files.clientBin,
      sshCommand: [programs.ssh, '-F', files.clientConfig],
      port: listener.port,
      directory: files.directory,
      home: files.home,
      log: listener.log,
      dropConnections: listener.endConnections,
      stop,
    };
  } catch (error) {
    await rm(files.directory, { recursive: true, force: true });
    throw error;
  }
};

// Root's sshd refuses to start without the directory it locks its unauthenticated part into. Debian's path is
// /run/sshd, made by the system service when it starts and so missing where that never ran, as in containers; other
// systems ship theirs. It is empty and shared by every sshd of the machine, so it isn't removed afterwards.
const createPrivilegeSeparationDirectory = async (): Promise<void> => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
};

const listenSomewhere = async (
  choosePort: () => Promise<number>,
  listenOn: (port: number) => Promise<Listener>,
): Promise<Listener> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await listenOn(await choosePort());
    } catch (error) {
      // Nothing keeps a port free between the choice and sshd's own bind.
      if (attempt === 5 || !String(error).includes('Address already in use')) throw error;
    }
  }
};

const stopper = (listener: Listener, directory: string): (() => Promise<void>) => {
  const abandon = (): void => {
    listener.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  // For a test run that ends without its hooks.
  process.once('exit', abandon);
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= (async () => {
      listener.kill();
      await listener.closed;
      process.off('exit', abandon);
      await rm(directory, { recursive: true, force: true });
    })();
    return stopped;
  };
};

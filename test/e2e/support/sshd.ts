import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { descendantsOf } from './process-tree.ts';
import { alias, sshdFiles, writeClientFiles, writeServerFiles } from './sshd/files.ts';
import { type Listener, listen } from './sshd/listener.ts';
import { sshPrograms } from './sshd/programs.ts';

export { describeWithSshd } from './sshd/describe.ts';
export { sshdUnavailable } from './sshd/programs.ts';

/** A real sshd on a loopback port, with its own keys and configuration in one directory. */
export type Sshd = {
  /**
   * The alias of the server in the client's configuration. Sessions run as the current user, in the login shell and
   * home directory of that user.
   *
   * A second alias, `wronghost`, names a port that refuses every connection.
   */
  readonly host: string;
  /** A directory with a program `ssh` that uses this configuration: with it first in PATH, `ssh devbox` works. */
  readonly clientBin: string;
  /** The real ssh with that configuration, for a caller that does not change PATH. */
  readonly sshCommand: readonly string[];
  /** On 127.0.0.1. */
  readonly port: number;
  /** The directory of all files of this server. */
  readonly directory: string;
  /** HOME of the sessions, empty at first: shells read their start-up files (`.bashrc`) from here. */
  readonly home: string;
  /** The pids of the processes of its connections: sshd, servers and commands. */
  sessionPids(): number[];
  /** The pid of the sshd that accepts connections. */
  listenerPid(): number;
  /** The log of sshd so far. */
  log(): string;
  /**
   * Closes the connections from the server's side, as a dying sshd does; new ones are still accepted. The commands
   * of the sessions receive no signal; they lose their stdin and stdout. Resolves when the connections are closed.
   */
  dropConnections(): Promise<void>;
  /**
   * Kills sshd, its sessions and their commands, waits until sshd has exited, and removes the directory. Commands
   * whose connection was closed earlier are no longer descendants of sshd and are not killed. Idempotent.
   */
  stop(): Promise<void>;
};

export type SshdOptions = {
  /** PATH of the sessions, exactly. */
  readonly remotePath: string;
  /** More variables of the sessions; HOME is `Sshd.home` unless given here. */
  readonly remoteEnv?: Readonly<Record<string, string>>;
  /**
   * A command that the user's shell runs instead of the requested one, which is in `SSH_ORIGINAL_COMMAND`. Variables
   * of the client that begin with `EXEC_TEST_` are sent.
   */
  readonly forceCommand?: string;
  /** Chooses the port; called again if the port is in use. */
  readonly choosePort?: () => Promise<number>;
};

/**
 * Starts an sshd and resolves when it listens. Works for root and for ordinary users, and for several servers
 * concurrently. It changes nothing else on the system, except that root creates an empty /run/sshd if it is missing.
 *
 * @throws the reason of `sshdUnavailable`, or the log of sshd if it does not start to listen
 */
export const startSshd = async (options: SshdOptions): Promise<Sshd> => {
  const programs = sshPrograms();
  await createPrivilegeSeparationDirectory();
  const files = sshdFiles(await mkdtemp(join(tmpdir(), 'exec-server-sshd-')));
  try {
    const env = { HOME: files.home, ...options.remoteEnv, PATH: options.remotePath };
    await writeServerFiles(files, programs, env, options.forceCommand);
    const listener = await listenOnFreePort(options.choosePort ?? freePort, port =>
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
      sessionPids: () => descendantsOf(listener.pid() ?? 0),
      listenerPid: () => listener.pid() ?? 0,
      log: listener.log,
      dropConnections: listener.endConnections,
      stop,
    };
  } catch (error) {
    await rm(files.directory, { recursive: true, force: true });
    throw error;
  }
};

// The sshd of root refuses to start without the directory for privilege separation. On Debian it is /run/sshd, created
// by the system service, which never ran in a container; other systems ship theirs. It is empty and shared by all sshd
// processes of the machine, so it is not removed.
const createPrivilegeSeparationDirectory = async (): Promise<void> => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
};

const listenOnFreePort = async (
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
  const killAndRemove = (): void => {
    listener.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  // For a test run that exits without running its hooks.
  process.once('exit', killAndRemove);
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= (async () => {
      listener.kill();
      await listener.closed;
      process.off('exit', killAndRemove);
      await rm(directory, { recursive: true, force: true });
    })();
    return stopped;
  };
};

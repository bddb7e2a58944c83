import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { privateDirectory } from '../../system/private-directory.ts';

/** The longest path of a Unix socket that every system accepts. */
const MAX_SOCKET_PATH_BYTES = 100;

/** Length of the log of ended sessions beyond which it starts again. */
const MAX_LOG_BYTES = 64 * 1024;

/** Characters of a session's id in the names of its files. The rest is a secret. */
const NAME_LENGTH = 16;

const ENDED = 'ended.log';

/**
 * The files of the sessions of this account that wait, in a private directory: a socket and a description for each, and a
 * log of those that have ended.
 */
export class SessionFiles {
  readonly #directory: string;

  /**
   * Opens the directory: below the user's cache directory, XDG_RUNTIME_DIR or the directory for temporary files. The second
   * one is removed when the user logs out, and does not serve sessions that outlive a login as well.
   *
   * @throws {Error} if there is no private directory
   */
  constructor(env: Readonly<Record<string, string>>) {
    const reasons: string[] = [];
    for (const candidate of candidates(env)) {
      try {
        this.#directory = checked(candidate);
        return;
      } catch (error) {
        reasons.push((error as Error).message);
      }
    }
    throw new Error(`no private directory for a socket: ${reasons.join('; ')}`);
  }

  socketOf(id: string): string {
    return join(this.#directory, `${nameOf(id)}.sock`);
  }

  /** Describes a session, for those that look for it on another host. */
  describe(id: string): void {
    writeFileSync(this.#descriptionOf(id), JSON.stringify({ host: hostname(), pid: process.pid }), {
      mode: 0o600,
    });
  }

  /** Host of a session that is described here. */
  hostOf(id: string): string | undefined {
    return this.#described(nameOf(id))?.host;
  }

  /** Removes the files of a session. */
  forget(id: string): void {
    this.#removeFiles(nameOf(id));
  }

  /**
   * Removes the files of sessions whose server was killed: on this host, no process has its pid, and none listens at its
   * socket. The last one decides where hosts with one name or containers share the directory.
   */
  async removeStale(): Promise<void> {
    for (const name of this.#names().slice(0, MAX_CHECKED)) {
      const described = this.#described(name);
      if (described?.host !== hostname() || isProcess(described.pid)) continue;
      if (await isRefused(join(this.#directory, `${name}.sock`))) this.#removeFiles(name);
    }
  }

  /** Removes the files of a session, and logs its end. */
  remove(id: string, reason: string): void {
    this.forget(id);
    const log = join(this.#directory, ENDED);
    try {
      if (existsSync(log) && statSync(log).size > MAX_LOG_BYTES) truncateSync(log);
      appendFileSync(log, `${new Date().toISOString()} ${nameOf(id)} ${reason}\n`, { mode: 0o600 });
    } catch {
      // A full disk must not keep the session from ending.
    }
  }

  /** Returns true if a session has ended, according to the log. */
  hasEnded(id: string): boolean {
    try {
      return readFileSync(join(this.#directory, ENDED), 'utf8').includes(` ${nameOf(id)} `);
    } catch {
      return false;
    }
  }

  #descriptionOf(id: string): string {
    return join(this.#directory, `${nameOf(id)}.json`);
  }

  #names(): string[] {
    try {
      const names = readdirSync(this.#directory).filter(name => name.endsWith('.json'));
      return names.map(name => name.slice(0, -'.json'.length));
    } catch {
      return [];
    }
  }

  #described(name: string): { readonly host: string; readonly pid: number } | undefined {
    try {
      const { host, pid } = JSON.parse(readFileSync(join(this.#directory, `${name}.json`), 'utf8'));
      return typeof host === 'string' && Number.isSafeInteger(pid) && pid > 0 ? { host, pid } : undefined;
    } catch {
      return undefined;
    }
  }

  #removeFiles(name: string): void {
    for (const end of ['sock', 'json']) rmSync(join(this.#directory, `${name}.${end}`), { force: true });
  }
}

/** Sessions that are checked for a killed server. */
const MAX_CHECKED = 100;

const isProcess = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
};

/** Returns true if there is no socket, or none that a process listens at. */
const isRefused = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(path);
    const settle = (refused: boolean) => {
      socket.destroy();
      resolve(refused);
    };
    socket.once('connect', () => settle(false));
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      settle(code === 'ECONNREFUSED' || code === 'ENOENT'),
    );
  });

/** The id comes from a client. */
const nameOf = (id: string): string => id.replace(/[^0-9a-f]/g, '_').slice(0, NAME_LENGTH);

const candidates = ({
  XDG_CACHE_HOME,
  HOME,
  XDG_RUNTIME_DIR,
  TMPDIR = '/tmp',
}: Readonly<Record<string, string>>) => [
  ...(XDG_CACHE_HOME
    ? [join(XDG_CACHE_HOME, 'exec-server')]
    : HOME
      ? [join(HOME, '.cache', 'exec-server')]
      : []),
  ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'exec-server')] : []),
  join(TMPDIR, `exec-server-${process.getuid?.()}`),
];

const checked = (candidate: string): string => {
  const directory = privateDirectory(join(privateDirectory(candidate), 'sessions'));
  const socket = join(directory, `${'0'.repeat(NAME_LENGTH)}.sock`);
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH_BYTES)
    throw new Error(`${directory} is too long for a socket`);
  return directory;
};

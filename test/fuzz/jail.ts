import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex, Readable, Writable } from 'node:stream';
import { descendantsOf, readProc } from '../../src/system/process-table.ts';
import { programPath } from '../e2e/support/program.ts';
import { installTerminalPackages } from '../e2e/support/terminal-packages.ts';
import { NOBODY_UID } from '../support/accounts.ts';
import { BIN, CANARY, HOME, HTTP_PORT, PROGRAM, TEMPORARY, WORK } from './paths.ts';

/** A process in a jail; `pid` and `parent` are those in its namespace. */
export type JailedProcess = {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly name: string;
  readonly command: string;
};

/** The state of a jail at one moment. */
export type Snapshot = {
  readonly supervisor: number;
  readonly processes: readonly JailedProcess[];
  /** The targets of the server's descriptors. */
  readonly descriptors: readonly string[];
  /** The peak memory of the server. */
  readonly peakBytes: number;
  /** The files in the directories for temporary files. */
  readonly temporary: readonly string[];
  /** Temporary files of atomic writes. */
  readonly unfinished: readonly string[];
};

/** A copy of the program under test that every account can read. */
export type ProgramCopy = { readonly directory: string; remove(): void };

/** Copies the built program with the files next to it. */
export const copyProgram = (): ProgramCopy => {
  const directory = mkdtempSync(join(tmpdir(), 'exec-server-fuzz-'));
  const program = join(directory, 'program');
  mkdirSync(join(program, 'dist'), { recursive: true });
  const dist = dirname(programPath);
  for (const name of readdirSync(dist).filter(name => name.endsWith('.cjs'))) {
    copyFileSync(join(dist, name), join(program, 'dist', name));
  }
  copyFileSync(join(dist, '../package.json'), join(program, 'package.json'));
  installTerminalPackages(join(program, 'node_modules'));
  const fixtures = join(import.meta.dirname, 'fixtures');
  cpSync(join(fixtures, 'bin'), join(program, 'bin'), { recursive: true });
  copyFileSync(join(fixtures, 'supervisor.js'), join(program, 'supervisor.mjs'));
  copyFileSync(process.execPath, join(program, 'node'));
  chmodSync(directory, 0o755);
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
};

/** The reason why jails do not work on this machine, or `undefined` if they do. */
export const jailUnavailable = (): string | undefined => {
  if (process.platform !== 'linux') return `jails are not supported on ${process.platform}`;
  const { error, status, stderr } = spawnSync('bwrap', [...isolationOptions(), '--', 'true'], {
    encoding: 'utf8',
    ...account(),
  });
  if (error !== undefined) return 'bubblewrap is not installed';
  return status === 0 ? undefined : `bubblewrap cannot create a jail on this machine: ${stderr.trim()}`;
};

const account = () => (process.getuid?.() === 0 ? { uid: NOBODY_UID, gid: NOBODY_UID } : {});

/**
 * A server in its own namespaces: it sees only its own processes, has only a loopback interface and can write only to
 * memory. So no request affects the machine, and all leftovers can be found.
 */
export class Jail {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The pid of the server outside of the jail. */
  serverPid = 0;
  stderr = '';
  /** Resolves with the exit code of the server or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** The exit code or the signal; `undefined` while the server runs. */
  end: number | string | undefined;
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  readonly #closed: Promise<unknown>;
  #answers: Array<(result: unknown) => void> = [];
  #exited = false;
  #settleEnded: (end: number | string) => void = () => {};

  private constructor(child: ChildProcess) {
    const [stdin, stdout, stderr, control] = child.stdio as unknown as [Writable, Readable, Readable, Duplex];
    this.#child = child;
    this.stdin = stdin;
    this.stdout = stdout;
    this.#control = control;
    this.ended = new Promise(resolve => {
      this.#settleEnded = resolve;
    });
    this.#closed = once(child, 'close').then(() => {
      this.#serverEnded('the jail exited');
      this.#exited = true;
      for (const answer of this.#answers.splice(0)) answer(undefined);
    });
    for (const stream of [stdin, control]) stream.on('error', () => {});
    stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
  }

  /** Starts a server in a new jail. */
  static async start({ directory }: ProgramCopy): Promise<Jail> {
    const server = {
      argv: [`${PROGRAM}/node`, `${PROGRAM}/dist/exec-server.cjs`, '--stdio'],
      env: { PATH: `${BIN}:/usr/bin:/bin`, HOME, TMPDIR: TEMPORARY, LANG: 'C.UTF-8', FZ_CANARY: CANARY },
      cwd: WORK,
      port: HTTP_PORT,
    };
    const mounts = ['--ro-bind', join(directory, 'program'), PROGRAM];
    for (const path of [WORK, HOME, TEMPORARY, '/dev/shm'])
      mounts.push('--size', '67108864', '--tmpfs', path);
    const child = spawn(
      'bwrap',
      [
        ...isolationOptions(),
        ...mounts,
        '--remount-ro',
        '/',
        '--',
        `${PROGRAM}/node`,
        `${PROGRAM}/supervisor.mjs`,
        JSON.stringify(server),
      ],
      { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], env: { PATH: process.env.PATH }, cwd: '/', ...account() },
    );
    const jail = new Jail(child);
    await jail.#started();
    return jail;
  }

  /** Sends a signal to the server. */
  async kill(signal: string): Promise<void> {
    await this.#ask({ name: 'kill', signal });
  }

  /** Returns the state of the jail. */
  async inspect(): Promise<Snapshot> {
    const snapshot = await this.#ask({ name: 'inspect' });
    if (snapshot === undefined) throw new Error(`the jail has exited: ${this.stderr}`);
    return snapshot as Snapshot;
  }

  /** Ends the jail and the processes in it. */
  async close(): Promise<void> {
    this.#control.write('{"name":"finish"}\n');
    await this.#closed;
  }

  /** Kills the jail, without waiting. */
  abort(): void {
    this.#child.kill('SIGKILL');
  }

  async #started(): Promise<void> {
    const started = new Promise<number>(resolve => {
      createInterface({ input: this.#control }).on('line', line => {
        const { event, pid, end, result, text } = JSON.parse(line);
        if (event === 'started') resolve(pid);
        else if (event === 'ended') this.#serverEnded(end);
        else if (event === 'fault') this.stderr += `supervisor: ${text}\n`;
        else this.#answers.shift()?.(result);
      });
    });
    const pid = await Promise.race([started, this.ended]);
    if (typeof pid !== 'number' || this.end !== undefined)
      throw new Error(`the jail did not start: ${this.stderr}`);
    this.serverPid = hostPid(this.#child.pid ?? 0, pid);
  }

  #serverEnded(end: number | string): void {
    this.end ??= end;
    this.#settleEnded(this.end);
  }

  async #ask(command: object): Promise<unknown> {
    const answer = new Promise<unknown>(resolve => this.#answers.push(resolve));
    this.#control.write(`${JSON.stringify(command)}\n`);
    if (this.#exited) throw new Error(`the jail has exited: ${this.stderr}`);
    return answer;
  }
}

/** Options of bubblewrap for namespaces and for the read-only parts of the file system. */
const isolationOptions = (): string[] => [
  '--die-with-parent',
  '--new-session',
  ...['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts'],
  ...['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc', '/nix'].flatMap(readOnlyMount),
  ...['--proc', '/proc', '--dev', '/dev'],
];

const readOnlyMount = (path: string): string[] => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  return stats.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
};

/** The pid in this namespace of the descendant of `root` that is `jailPid` in its own. */
const hostPid = (root: number, jailPid: number): number => {
  const found = descendantsOf(root, readProc()).find(pid => pidInJail(pid) === jailPid);
  if (found === undefined) throw new Error('the server in the jail was not found');
  return found;
};

const pidInJail = (pid: number): number | undefined => {
  try {
    const pids = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(pids?.split(/\s+/).at(-1));
  } catch {
    return undefined; // it has exited
  }
};

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
import { NOBODY_UID } from '../e2e/support/sandboxes.ts';
import { installTerminalPackages } from '../e2e/support/terminal-packages.ts';
import { BIN, CANARY, HOME, HTTP_PORT, PROGRAM, TEMPORARY, WORK } from './places.ts';

/** A process in a jail, by its pid there. */
export type Inmate = {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly name: string;
  readonly command: string;
};

/** Contents of a jail at one moment. */
export type Look = {
  readonly supervisor: number;
  readonly processes: readonly Inmate[];
  /** Targets of the descriptors of the server. */
  readonly descriptors: readonly string[];
  /** The most memory that the server has had. */
  readonly peakBytes: number;
  /** Files in the directories for temporary files. */
  readonly temporary: readonly string[];
  /** Files beside others that an atomic write left. */
  readonly unfinished: readonly string[];
};

/** Copy of the server under test that every account may read. */
export type Cell = { readonly directory: string; clear(): void };

/** Copies the built program and what stands beside it to where every account may read it. */
export const createCell = (): Cell => {
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
  return { directory, clear: () => rmSync(directory, { recursive: true, force: true }) };
};

/** The reason why there can be no jail here, if so. */
export const jailMissing = (): string | undefined => {
  if (process.platform !== 'linux') return `there is no jail on ${process.platform}`;
  const { error, status, stderr } = spawnSync('bwrap', [...walls(), '--', 'true'], {
    encoding: 'utf8',
    ...account(),
  });
  if (error !== undefined) return 'bubblewrap is not installed';
  return status === 0 ? undefined : `bubblewrap can make no jail here: ${stderr.trim()}`;
};

const account = () => (process.getuid?.() === 0 ? { uid: NOBODY_UID, gid: NOBODY_UID } : {});

/**
 * A server in namespaces of its own: it sees no process but its own, no network but a loopback interface, and can
 * write nowhere but in memory. So nothing that it is asked to do reaches the machine, and all that it leaves is seen.
 */
export class Jail {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The pid of the server, as this process sees it. */
  serverPid = 0;
  stderr = '';
  /** Resolves with the exit code of the server, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** The exit code or the signal, once the server has ended. */
  end: number | string | undefined;
  readonly #child: ChildProcess;
  readonly #control: Duplex;
  readonly #closed: Promise<unknown>;
  #answers: Array<(result: unknown) => void> = [];
  #gone = false;
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
      this.#over('the jail ended');
      this.#gone = true;
      for (const answer of this.#answers.splice(0)) answer(undefined);
    });
    for (const stream of [stdin, control]) stream.on('error', () => {});
    stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
  }

  /** Starts a server in a new jail. */
  static async start({ directory }: Cell): Promise<Jail> {
    const server = {
      argv: [`${PROGRAM}/node`, `${PROGRAM}/dist/exec-server.cjs`, '--stdio'],
      env: { PATH: `${BIN}:/usr/bin:/bin`, HOME, TMPDIR: TEMPORARY, LANG: 'C.UTF-8', FZ_CANARY: CANARY },
      cwd: WORK,
      port: HTTP_PORT,
    };
    const mounts = ['--ro-bind', join(directory, 'program'), PROGRAM];
    for (const place of [WORK, HOME, TEMPORARY, '/dev/shm'])
      mounts.push('--size', '67108864', '--tmpfs', place);
    const child = spawn(
      'bwrap',
      [
        ...walls(),
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

  async look(): Promise<Look> {
    const look = await this.#ask({ name: 'look' });
    if (look === undefined) throw new Error(`the jail is gone: ${this.stderr}`);
    return look as Look;
  }

  /** Ends the jail with all that is left in it. */
  async close(): Promise<void> {
    this.#control.write('{"name":"finish"}\n');
    await this.#closed;
  }

  /** Ends it without a word. */
  abandon(): void {
    this.#child.kill('SIGKILL');
  }

  async #started(): Promise<void> {
    const started = new Promise<number>(resolve => {
      createInterface({ input: this.#control }).on('line', line => {
        const { event, pid, end, result, text } = JSON.parse(line);
        if (event === 'started') resolve(pid);
        else if (event === 'ended') this.#over(end);
        else if (event === 'fault') this.stderr += `supervisor: ${text}\n`;
        else this.#answers.shift()?.(result);
      });
    });
    const pid = await Promise.race([started, this.ended]);
    if (typeof pid !== 'number' || this.end !== undefined) throw new Error(`no jail: ${this.stderr}`);
    this.serverPid = hostPid(this.#child.pid ?? 0, pid);
  }

  #over(end: number | string): void {
    this.end ??= end;
    this.#settleEnded(this.end);
  }

  async #ask(command: object): Promise<unknown> {
    const answer = new Promise<unknown>(resolve => this.#answers.push(resolve));
    this.#control.write(`${JSON.stringify(command)}\n`);
    if (this.#gone) throw new Error(`the jail is gone: ${this.stderr}`);
    return answer;
  }
}

/** Options of bubblewrap for the namespaces and for the part of the machine that is visible, read-only, in a jail. */
const walls = (): string[] => [
  '--die-with-parent',
  '--new-session',
  ...['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts'],
  ...['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc', '/nix'].flatMap(seen),
  ...['--proc', '/proc', '--dev', '/dev'],
];

const seen = (path: string): string[] => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  return stats.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
};

/** The pid here of a process below `root` that has another one in its namespace. */
const hostPid = (root: number, pidThere: number): number => {
  const found = descendantsOf(root, readProc()).find(pid => pidInside(pid) === pidThere);
  if (found === undefined) throw new Error('the server in the jail was not found');
  return found;
};

const pidInside = (pid: number): number | undefined => {
  try {
    const pids = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(pids?.split(/\s+/).at(-1));
  } catch {
    return undefined; // it has ended
  }
};

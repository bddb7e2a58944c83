import { type ChildProcess, spawn } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isAbsolute, parse } from 'node:path';
import { readProcess } from './process-table.ts';
import { watchdogScript } from './watchdog-script.ts';

export type WatchdogOptions = {
  /** Told, in one line, when nobody watches any more. */
  readonly log: (line: string) => void;
  readonly platform?: NodeJS.Platform;
  /**
   * A POSIX shell: the program and what stands before its `-c`. Under its own name bash needs `--norc`: when
   * its stdin is a socket it takes itself for the child of an rshd and reads ~/.bashrc. As `sh` it doesn't.
   */
  readonly shell?: readonly [string, ...string[]];
};

type Watching = { readonly name: 'watching'; readonly child: ChildProcess; readonly gone: Promise<void> };

type Phase =
  | { readonly name: 'idle' }
  | Watching
  /** It could not be started, or died twice. */
  | { readonly name: 'unwatched' }
  | { readonly name: 'ended'; readonly gone: Promise<void> };

/**
 * A small process that outlives this one, in whatever way this one ends, and then kills what is left: the
 * registered groups (SIGTERM, about a second, SIGKILL), and whoever holds a pipe of the directory or a
 * registered terminal (looked for on Linux only). It starts with the first registration, doesn't keep this
 * process alive, has a session of its own and shares no descriptor, environment or directory with it.
 * When it dies it is started once more and told everything again.
 *
 * No method throws, and none blocks. On Windows all of them do nothing: there a job object that kills its
 * processes when its last handle closes would be the way.
 *
 * It has no descriptor of this process, unless an embedding program opened or inherited one without close-on-exec.
 */
export class Watchdog {
  readonly #log: (line: string) => void;
  readonly #shell: readonly [string, ...string[]];
  readonly #groups = new Set<number>();
  /** As the watchdog is told of them; see {@link describeTerminal}. */
  readonly #terminals = new Set<string>();
  #directory: string | undefined;
  #startsLeft = 2;
  #phase: Phase;
  /** Lines that are told soon. */
  #untold = '';
  #telling: NodeJS.Timeout | undefined;

  constructor({ log, platform = process.platform, shell = ['/bin/sh'] }: WatchdogOptions) {
    this.#log = log;
    this.#shell = shell;
    this.#phase = platform === 'win32' ? { name: 'unwatched' } : { name: 'idle' };
  }

  /** The watchdog's own pid while there is one. */
  get pid(): number | undefined {
    return this.#phase.name === 'watching' ? this.#phase.child.pid : undefined;
  }

  /** Starts the watchdog before the first registration, which then is a single write. */
  start(): void {
    if (this.#phase.name === 'idle') this.#start();
  }

  /**
   * Registers a process group. When this returns the watchdog will know it even if SIGKILL comes next; only
   * of some hundred in a row the last ones may still wait in this process.
   */
  add(pgid: number): void {
    this.#groups.add(pgid);
    this.#tell(`+ ${pgid}\n`);
  }

  /**
   * Takes a group out again; to be called before its number may be given to another one. It is told with the next
   * registration or {@link TELL_MS} later: in that time a system that counts its numbers up doesn't come round.
   */
  remove(pgid: number): void {
    if (this.#groups.delete(pgid)) this.#tellSoon(`- ${pgid}\n`);
  }

  /**
   * Registers a terminal, `/dev/pts/N`, which has to be open on our side; any other name is ignored. It is known by
   * the time when it was made. A change of its owner or its mode moves that: it has to be registered once more.
   *
   * @returns what to unregister it by; another terminal of the same name has another
   */
  addTerminal(path: string): string | undefined {
    const terminal = describeTerminal(path);
    if (terminal === undefined || this.#terminals.has(terminal)) return terminal;
    this.#terminals.add(terminal);
    this.#tell(`t ${terminal}\n`);
    return terminal;
  }

  /** @param terminal what `addTerminal` has returned */
  removeTerminal(terminal: string | undefined): void {
    if (terminal !== undefined && this.#terminals.delete(terminal)) this.#tell(`u ${terminal}\n`);
  }

  /**
   * Names the directory of our named pipes. Whoever holds a file of it is killed in the end, and it is
   * removed with everything in it. A relative path, a root and a path with a line break are refused.
   */
  useDirectory(directory: string): void {
    const path = realPath(directory);
    if (!isAbsolute(path) || path === parse(path).root || path.includes('\n')) {
      this.#log(`the watchdog can't look after ${JSON.stringify(directory)}`);
      return;
    }
    this.#directory = path;
    this.#tell(this.#directoryLine(path));
  }

  /**
   * Lets the watchdog do its work now, on what is registered still. Resolves when it has exited: at once if
   * nothing is left, else within about two seconds. What is registered later is not watched.
   *
   * @param exitWithinMs how long after that this process may take to exit, before it is sent SIGKILL (Linux only);
   *   `undefined` if it goes on
   */
  end(exitWithinMs?: number): Promise<void> {
    if (this.#phase.name === 'ended') return this.#phase.gone;
    const watching = this.#phase.name === 'watching' ? this.#phase : undefined;
    const gone = watching?.gone ?? Promise.resolve();
    this.#phase = { name: 'ended', gone };
    watching?.child.ref();
    const exit = exitWithinMs === undefined ? '' : `x ${Math.ceil(exitWithinMs / 100)}\n`;
    watching?.child.stdin?.end(this.#takeUntold() + exit);
    return gone;
  }

  /**
   * `write` of a net.Socket hands the bytes to the kernel before it returns unless its buffer is full, which
   * takes some hundred unread lines: the shell reads faster than we can start processes. What doesn't
   * fit is queued here.
   */
  #tell(line: string): void {
    if (this.#phase.name === 'idle') this.#start();
    else if (this.#phase.name === 'watching') this.#phase.child.stdin?.write(this.#takeUntold() + line);
  }

  /** Each write wakes the shell, which costs more than what is written. Of what ends, a new one hears nothing. */
  #tellSoon(line: string): void {
    if (this.#phase.name !== 'watching') return;
    this.#untold += line;
    this.#telling ??= setTimeout(() => this.#tell(''), TELL_MS).unref();
  }

  #takeUntold(): string {
    const untold = this.#untold;
    this.#untold = '';
    clearTimeout(this.#telling);
    this.#telling = undefined;
    return untold;
  }

  #start(): void {
    this.#startsLeft -= 1;
    const child = this.#spawn();
    if (child === undefined) return;
    const gone = new Promise<void>(resolve => {
      if (child.pid === undefined) resolve();
      else child.once('exit', () => resolve());
    });
    this.#phase = { name: 'watching', child, gone };
    child.on('error', error => this.#onGone(child, error.message));
    child.on('exit', (code, signal) => this.#onGone(child, `ended with ${signal ?? `code ${code}`}`));
    // It has died; 'exit' follows.
    child.stdin?.on('error', () => {});
    child.stdin?.write(startTimeLine() + this.#everything());
    child.unref();
    (child.stdin as Socket | null)?.unref();
  }

  #spawn(): ChildProcess | undefined {
    const [program, ...args] = this.#shell;
    try {
      return spawn(program, [...args, '-c', `eval "$${SCRIPT_VARIABLE}"`, 'exec-server-watchdog'], {
        cwd: '/',
        env: {
          // NixOS has find, stat, sleep and rm in the last place only.
          PATH: '/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin',
          // Names are bytes: in another locale a pattern doesn't fit one that isn't text.
          LC_ALL: 'C',
          // Not an argument: ps would show all of it.
          [SCRIPT_VARIABLE]: watchdogScript,
          // Node hands its own to every child whose environment doesn't name it.
          NODE_V8_COVERAGE: undefined,
        },
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
      });
    } catch (error) {
      this.#giveUp((error as Error).message);
      return undefined;
    }
  }

  #onGone(child: ChildProcess, reason: string): void {
    if (this.#phase.name !== 'watching' || this.#phase.child !== child) return;
    this.#takeUntold();
    if (this.#startsLeft === 0) this.#giveUp(reason);
    else if (this.#everything() === '') this.#phase = { name: 'idle' };
    else this.#start();
  }

  #giveUp(reason: string): void {
    this.#phase = { name: 'unwatched' };
    this.#log(`no watchdog: processes will outlive this server if it is killed (${reason})`);
  }

  #everything(): string {
    return [
      this.#directory === undefined ? '' : this.#directoryLine(this.#directory),
      ...[...this.#groups].map(pgid => `+ ${pgid}\n`),
      ...[...this.#terminals].map(terminal => `t ${terminal}\n`),
    ].join('');
  }

  // With the slash at its end the shell's `read` keeps a space before it.
  #directoryLine(path: string): string {
    return `d ${path}/\n`;
  }
}

/** How long the end of a group may go untold, in milliseconds. */
const TELL_MS = 20;

const SCRIPT_VARIABLE = 'EXEC_SERVER_WATCHDOG';

/** Said by the server: when the watchdog begins to read, its parent may be gone, and with it when that began. */
const startTimeLine = (): string => {
  const startTime = process.platform === 'linux' ? readProcess(process.pid)?.startTime : undefined;
  return startTime === undefined ? '' : `s ${startTime}\n`;
};

/** The number of a terminal, its device and inode, and when it was made: `5 25:8:1700000000.123456789`. */
const describeTerminal = (path: string): string | undefined => {
  const [, number] = /^\/dev\/pts\/(\d+)$/.exec(path) ?? [];
  if (number === undefined) return undefined;
  try {
    const { dev, ino, ctimeNs } = statSync(path, { bigint: true });
    const nanoseconds = String(ctimeNs % SECOND_NS).padStart(9, '0');
    return `${number} ${dev}:${ino}:${ctimeNs / SECOND_NS}.${nanoseconds}`;
  } catch {
    return undefined;
  }
};

const SECOND_NS = 1_000_000_000n;

// /proc names a file by its real path.
const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

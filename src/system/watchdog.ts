import type { ChildProcess } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isAbsolute, parse } from 'node:path';
import { readProcess } from './process-table.ts';
import { spawnScript } from './spawn-script.ts';
import { watchdogScript } from './watchdog-script.ts';

export type WatchdogOptions = {
  /** Receives one line when there is no watchdog any more. */
  readonly log: (line: string) => void;
  readonly platform?: NodeJS.Platform;
  /**
   * A POSIX shell: the program and its arguments before `-c`. Under its own name bash needs `--norc`: with a socket as
   * stdin it assumes that rshd has started it, and reads ~/.bashrc. As `sh` it does not.
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
 * A small process that outlives this one, however this one ends, and then kills the rest: the registered groups (SIGTERM,
 * about a second, SIGKILL) and, on Linux, the holders of pipes of the directory and of registered terminals. It starts
 * with the first registration, does not keep this process alive, has its own session, and shares no descriptor,
 * environment or directory with this process. If it dies, it is started once more and receives all registrations again.
 *
 * No method throws, and none blocks. On Windows all do nothing; a job object would be the means there.
 *
 * It has no descriptor of this process, unless an embedding program opened or inherited one without close-on-exec.
 */
export class Watchdog {
  readonly #log: (line: string) => void;
  readonly #shell: readonly [string, ...string[]];
  readonly #groups = new Set<number>();
  /** Terminals in the form of the watchdog's input; see {@link describeTerminal}. */
  readonly #terminals = new Set<string>();
  #directory: string | undefined;
  #startsLeft = 2;
  #phase: Phase;
  /** Lines that are sent soon. */
  #unsent = '';
  #sending: NodeJS.Timeout | undefined;

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
   * Registers a process group. When this returns, the group reaches the watchdog even if SIGKILL follows; only of
   * several hundred in a row, the last ones may still wait in this process.
   */
  add(pgid: number): void {
    this.#groups.add(pgid);
    this.#send(`+ ${pgid}\n`);
  }

  /**
   * Unregisters a group, before its number can be reused. The line is sent with the next registration or
   * {@link SEND_MS} later; a system that counts its pids up does not wrap around in that time.
   */
  remove(pgid: number): void {
    if (this.#groups.delete(pgid)) this.#sendSoon(`- ${pgid}\n`);
  }

  /**
   * Registers a terminal, `/dev/pts/N`, which has to be open on our side; any other name is ignored. It is identified by
   * its change time. A change of its owner or mode alters that: it has to be registered again.
   *
   * @returns the key to unregister it; another terminal of the same name has another key
   */
  addTerminal(path: string): string | undefined {
    const terminal = describeTerminal(path);
    if (terminal === undefined || this.#terminals.has(terminal)) return terminal;
    this.#terminals.add(terminal);
    this.#send(`t ${terminal}\n`);
    return terminal;
  }

  /** @param terminal the result of `addTerminal` */
  removeTerminal(terminal: string | undefined): void {
    if (terminal !== undefined && this.#terminals.delete(terminal)) this.#send(`u ${terminal}\n`);
  }

  /**
   * Registers the directory of our named pipes. In the end the holders of its files are killed, and it is removed with
   * everything in it. A relative path, a root and a path with a line break are refused.
   */
  useDirectory(directory: string): void {
    const path = realPath(directory);
    if (!isAbsolute(path) || path === parse(path).root || path.includes('\n')) {
      this.#log(`the watchdog cannot guard the directory ${JSON.stringify(directory)}`);
      return;
    }
    this.#directory = path;
    this.#send(this.#directoryLine(path));
  }

  /**
   * Lets the watchdog end the registered groups and holders now. Resolves when it has exited: immediately if nothing is
   * left, otherwise within about two seconds. Later registrations have no effect.
   *
   * @param exitWithinMs time limit for the exit of this process after that; then it is sent SIGKILL (Linux only).
   *   `undefined` if it continues
   */
  end(exitWithinMs?: number): Promise<void> {
    if (this.#phase.name === 'ended') return this.#phase.gone;
    const watching = this.#phase.name === 'watching' ? this.#phase : undefined;
    const gone = watching?.gone ?? Promise.resolve();
    this.#phase = { name: 'ended', gone };
    watching?.child.ref();
    const exit = exitWithinMs === undefined ? '' : `x ${Math.ceil(exitWithinMs / 100)}\n`;
    watching?.child.stdin?.end(this.#takeUnsent() + exit);
    return gone;
  }

  /**
   * `write` of a net.Socket hands the bytes to the kernel before it returns unless its buffer is full, which
   * takes some hundred unread lines: the shell reads faster than we can start processes. What doesn't
   * fit is queued here.
   */
  #send(line: string): void {
    if (this.#phase.name === 'idle') this.#start();
    else if (this.#phase.name === 'watching') this.#phase.child.stdin?.write(this.#takeUnsent() + line);
  }

  /** Each write wakes the shell, which costs more than what is written. Of what ends, a new one hears nothing. */
  #sendSoon(line: string): void {
    if (this.#phase.name !== 'watching') return;
    this.#unsent += line;
    this.#sending ??= setTimeout(() => this.#send(''), SEND_MS).unref();
  }

  #takeUnsent(): string {
    const untold = this.#unsent;
    this.#unsent = '';
    clearTimeout(this.#sending);
    this.#sending = undefined;
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
    try {
      return spawnScript({
        shell: this.#shell,
        name: 'exec-server-watchdog',
        script: watchdogScript,
        stdin: 'pipe',
      });
    } catch (error) {
      this.#giveUp((error as Error).message);
      return undefined;
    }
  }

  #onGone(child: ChildProcess, reason: string): void {
    if (this.#phase.name !== 'watching' || this.#phase.child !== child) return;
    this.#takeUnsent();
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

/** Delay until the end of a group is sent, in milliseconds. */
const SEND_MS = 20;

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

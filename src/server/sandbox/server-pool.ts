import { fileHandleExists, limitExceeded, shuttingDown, unsupported } from '../../protocol/errors.ts';
import { fsMissingChanged } from '../../protocol/files.ts';
import { requests } from '../../protocol/messages.ts';
import type { Sandbox } from '../../protocol/sandbox.ts';
import type { Watchdog } from '../../system/watchdog.ts';
import { MAX_OPEN_FILES } from '../files/limits.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import { MAX_FILE_SANDBOXES } from './limits.ts';
import { ConfinedServer } from './sandboxed-server.ts';
import type { Confinement, Sandboxes } from './sandboxes.ts';

/** The requests that may have a sandbox. */
export type ConfinableRequest =
  | 'fs/readFile'
  | 'fs/writeFile'
  | 'fs/createDirectory'
  | 'fs/getMetadata'
  | 'fs/canonicalize'
  | 'fs/readDirectory'
  | 'fs/walk'
  | 'fs/remove'
  | 'fs/copy'
  | 'fs/open'
  | 'fs/watchMissing';

/** Those that name a file that is open already. */
export type HandleRequest = 'fs/readBlock' | 'fs/writeBlock' | 'fs/close';

export type ConfinedFilesOptions = {
  readonly sandboxes: Sandboxes;
  readonly answers: AnswerMemory;
  readonly watchdog: Watchdog;
  readonly maxFrameBytes: number;
  /** The program and its arguments that make a server like this one, each a file. */
  readonly program: readonly [string, string] | undefined;
  readonly notifyMissing: (watchId: number) => void;
  /** Whether a handle is open outside of all sandboxes. */
  readonly isOpen: (handleId: string) => boolean;
};

type Slot = {
  readonly key: string;
  readonly opening: Promise<ConfinedServer>;
  /** Requests that aren't answered. */
  underWay: number;
  /** What it keeps open for the client. */
  readonly handles: Set<string>;
};

/**
 * The file requests of one connection that have a sandbox. Each is done by a server of its own within that
 * sandbox: a check of paths here would be too early, since a link can be made after it. There is one for each
 * different sandbox, and only so many; the one that was used longest ago makes place for another.
 */
export class ConfinedFiles {
  readonly #options: ConfinedFilesOptions;
  /** The one used last is the last. */
  readonly #slots = new Map<string, Slot>();
  readonly #handles = new Map<string, Slot>();
  /** The one watch of the connection, if it is in a sandbox. */
  #watching: { readonly slot: Slot; readonly watchId: number } | undefined;
  #lastWatchId = Number.NEGATIVE_INFINITY;
  #stopping = false;

  constructor(options: ConfinedFilesOptions) {
    this.#options = options;
  }

  /**
   * Does a request in its sandbox.
   *
   * @returns `undefined` if the sandbox confines nothing
   * @throws {ExecServerError} `unsupported`, `invalidParams`, `launchFailed` at stage `sandbox`, `limitExceeded`, or
   *   what the request itself throws
   */
  request(
    name: ConfinableRequest,
    { sandbox, ...params }: { readonly sandbox: Sandbox } & Readonly<Record<string, unknown>>,
  ): Promise<unknown> | undefined {
    const { sandboxes, program } = this.#options;
    if (this.#stopping) throw shuttingDown();
    const confinement = sandboxes.prepare(sandbox, undefined, program ?? []);
    if (confinement === undefined) return undefined;
    if (program === undefined) {
      confinement.release();
      throw unsupported(
        'sandbox',
        'file requests are confined only by a server that is a program of its own',
      );
    }
    const slot = this.#slot(confinement, program);
    const ask = () => this.#ask(slot, name, params);
    if (name === 'fs/open') return this.#open(slot, params.handleId as string, ask);
    if (name !== 'fs/watchMissing') return ask();
    const watchId = params.watchId as number;
    if (!this.replaceWatch(watchId)) return Promise.resolve({ watching: false });
    this.#watching = { slot, watchId };
    return ask();
  }

  /** Whether a handle was opened in a sandbox. */
  holds(handleId: string): boolean {
    return this.#handles.has(handleId);
  }

  /** Does something with a file that was opened in a sandbox. */
  async withHandle(
    name: HandleRequest,
    params: { readonly handleId: string } & Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    const slot = this.#handles.get(params.handleId);
    if (slot === undefined) throw new Error('no such handle');
    if (name === 'fs/close') this.#forget(slot, params.handleId);
    return this.#ask(slot, name, params);
  }

  /** Ends the watch in here, as another one begins; tells whether that has a higher number. */
  replaceWatch(watchId: number): boolean {
    if (watchId <= this.#lastWatchId) return false;
    this.#lastWatchId = watchId;
    this.#watching = undefined;
    return true;
  }

  /** Ends all servers, with what is open in them. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#slots.values()].map(end));
  }

  async #open(slot: Slot, handleId: string, ask: () => Promise<unknown>): Promise<unknown> {
    if (this.#handles.has(handleId) || this.#options.isOpen(handleId)) throw fileHandleExists(handleId);
    if (this.#handles.size >= MAX_OPEN_FILES) {
      throw limitExceeded('openFiles', this.#handles.size + 1, MAX_OPEN_FILES);
    }
    this.#handles.set(handleId, slot);
    slot.handles.add(handleId);
    try {
      return await ask();
    } catch (error) {
      if (this.#handles.get(handleId) === slot) this.#forget(slot, handleId);
      throw error;
    }
  }

  #forget(slot: Slot, handleId: string): void {
    this.#handles.delete(handleId);
    slot.handles.delete(handleId);
  }

  async #ask(slot: Slot, name: ConfinableRequest | HandleRequest, params: object): Promise<unknown> {
    slot.underWay += 1;
    try {
      const server = await slot.opening;
      return await server.request(requests[name].method, params);
    } catch (error) {
      const server = await slot.opening.catch(() => undefined);
      if (server === undefined || server.over) this.#drop(slot);
      throw error;
    } finally {
      slot.underWay -= 1;
    }
  }

  #slot(confinement: Confinement, program: readonly string[]): Slot {
    const { key } = confinement;
    const open = this.#slots.get(key);
    if (open !== undefined) confinement.release();
    const slot = open ?? this.#newSlot(confinement, program);
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    return slot;
  }

  #newSlot(confinement: Confinement, program: readonly string[]): Slot {
    if (this.#slots.size >= MAX_FILE_SANDBOXES) {
      const idle = [...this.#slots.values()].find(slot => isIdle(slot) && this.#watching?.slot !== slot);
      if (idle === undefined) {
        confinement.release();
        const hint = 'close files that are open in one of them';
        throw limitExceeded('fileSandboxes', this.#slots.size + 1, MAX_FILE_SANDBOXES, hint);
      }
      this.#drop(idle);
      void end(idle);
    }
    const opening = this.#openServer(confinement, program);
    opening.catch(() => {});
    return { key: confinement.key, opening, underWay: 0, handles: new Set() };
  }

  async #openServer(confinement: Confinement, program: readonly string[]): Promise<ConfinedServer> {
    const { watchdog, answers, maxFrameBytes, notifyMissing } = this.#options;
    try {
      await confinement.tryOut();
      if (this.#stopping) throw shuttingDown();
      return await ConfinedServer.open({
        start: confinement.start([...program, '--stdio', '--memory-limit', FILE_SERVER_MEMORY], ENVIRONMENT),
        maxFrameBytes,
        watchdog,
        answers,
        notified: (method, params) => {
          const { watchId } = params as { watchId: number };
          if (method !== fsMissingChanged.method || this.#watching?.watchId !== watchId) return;
          this.#watching = undefined;
          notifyMissing(watchId);
        },
      });
    } finally {
      confinement.release();
    }
  }

  #drop(slot: Slot): void {
    if (this.#slots.get(slot.key) === slot) this.#slots.delete(slot.key);
    for (const handleId of slot.handles) this.#handles.delete(handleId);
    if (this.#watching?.slot === slot) this.#watching = undefined;
  }
}

// A server in a sandbox writes nothing but what it is asked to, not even its compiled code, and needs no home.
const ENVIRONMENT = { HOME: '/', NODE_DISABLE_COMPILE_CACHE: '1' };

// It serves one client, whose answers wait here for room.
const FILE_SERVER_MEMORY = '96M';

const isIdle = ({ underWay, handles }: Slot): boolean => underWay === 0 && handles.size === 0;

const end = async ({ opening }: Slot): Promise<void> => {
  const server = await opening.catch(() => undefined);
  await server?.stop();
};

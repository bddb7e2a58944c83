import type { ParamsOut, ResultIn } from '../protocol/define.ts';
import { fileHandleExists, outOfRange } from '../protocol/errors.ts';
import { MAX_HANDLE_ID_BYTES } from '../protocol/limits.ts';
import type { Requests } from '../protocol/messages.ts';
import type { Lazy } from './connection/lazy.ts';
import { type FilePaths, filePaths } from './files/file-path.ts';
import type { Files } from './files/files.ts';
import { MAX_WATCHED_PATHS } from './files/limits.ts';
import { handleUse, PathOrder, type PathUse, pathUse } from './files/path-order.ts';
import type { ConfinableRequest, ConfinedFiles, HandleRequest } from './sandbox/server-pool.ts';

type Params<Name extends keyof Requests> = ParamsOut<Requests[Name]>;
type Result<Name extends keyof Requests> = Promise<ResultIn<Requests[Name]>>;

/**
 * The file requests of one connection: each is done here, or where its sandbox confines it, and those about one path in
 * the order of the calls.
 */
export class FileRequests {
  readonly #platform: NodeJS.Platform;
  readonly #paths: FilePaths;
  readonly #order = new PathOrder();
  /** The paths of open files, by their handles; a handle of which this is forgotten is ordered by itself only. */
  readonly #opened = new Map<string, PathUse>();
  readonly #files: Lazy<Files>;
  readonly #confined: Lazy<ConfinedFiles>;

  constructor(platform: NodeJS.Platform, files: Lazy<Files>, confined: Lazy<ConfinedFiles>) {
    this.#platform = platform;
    this.#paths = filePaths(platform);
    this.#files = files;
    this.#confined = confined;
  }

  /** Does a request that may have a sandbox. */
  async request<Name extends ConfinableRequest>(
    name: Name,
    params: Params<Name>,
    here: (files: Files, params: Params<Name>) => Result<Name>,
  ): Result<Name> {
    const uses = this.#usesOf(name, params);
    const act = () => this.#request(name, params, here);
    if (!('handleId' in params)) return this.#order.run(uses, act);
    return this.#opening(params.handleId, uses, act);
  }

  /** Does a request that names an open file: where that was opened. */
  async withHandle<Name extends HandleRequest>(
    name: Name,
    params: Params<Name>,
    here: (files: Files) => Result<Name>,
  ): Result<Name> {
    const { handleId } = params;
    refuseLongHandleId(handleId);
    const path = this.#opened.get(handleId);
    if (name === 'fs/close') this.#opened.delete(handleId);
    const uses = [handleUse(handleId), ...(path === undefined ? [] : [path])];
    return this.#order.run(uses, () => this.#withHandle(name, params, here));
  }

  async #opening<Answer>(
    handleId: string,
    uses: readonly PathUse[],
    act: () => Promise<Answer>,
  ): Promise<Answer> {
    refuseLongHandleId(handleId);
    const [path] = uses;
    // An id that is in use keeps its path: this request is refused.
    const isNew = path !== undefined && !this.#opened.has(handleId);
    if (isNew) this.#remember(handleId, path);
    try {
      return await this.#order.run([handleUse(handleId), ...uses], act);
    } catch (error) {
      if (isNew && this.#opened.get(handleId) === path) this.#opened.delete(handleId);
      throw error;
    }
  }

  #remember(handleId: string, path: PathUse): void {
    this.#opened.set(handleId, path);
    const [oldest] = this.#opened.keys();
    // Handles are lost without a close where the sandbox that they are in ends.
    if (this.#opened.size > MAX_REMEMBERED_HANDLES && oldest !== undefined) this.#opened.delete(oldest);
  }

  /** What a request uses, as far as its paths are any: it is refused otherwise. */
  #usesOf(name: ConfinableRequest, params: Params<ConfinableRequest>): PathUse[] {
    return pathsOf(name, params).flatMap(({ path, writes }) => {
      try {
        return [pathUse(this.#paths.parse('path', path), writes, this.#platform)];
      } catch {
        return [];
      }
    });
  }

  async #request<Name extends ConfinableRequest>(
    name: Name,
    params: Params<Name>,
    here: (files: Files, params: Params<Name>) => Result<Name>,
  ): Result<Name> {
    const { sandbox } = params;
    const confined = await this.#confinedIf(sandbox !== undefined);
    if (name === 'fs/watchMissing') await this.#replaceWatch(params as Params<'fs/watchMissing'>, confined);
    if (sandbox !== undefined) {
      const answer = confined?.request(name, { ...params, sandbox });
      if (answer !== undefined) return (await answer) as ResultIn<Requests[Name]>;
    }
    if (name === 'fs/open') refuseOpen(params as Params<'fs/open'>, confined);
    return here(await this.#files.get(), { ...params, sandbox: undefined });
  }

  async #withHandle<Name extends HandleRequest>(
    name: Name,
    params: Params<Name>,
    here: (files: Files) => Result<Name>,
  ): Result<Name> {
    const confined = await this.#confinedIf(false);
    if (confined?.holds(params.handleId)) {
      return (await confined.withHandle(name, params)) as ResultIn<Requests[Name]>;
    }
    return here(await this.#files.get());
  }

  #confinedIf(needed: boolean): Promise<ConfinedFiles> | undefined {
    return needed ? this.#confined.get() : this.#confined.ifMade;
  }

  /** There is one watch in all: it ends wherever the new one is not. */
  async #replaceWatch(
    { watchId, sandbox }: Params<'fs/watchMissing'>,
    confined: ConfinedFiles | undefined,
  ): Promise<void> {
    if (sandbox === undefined) confined?.replaceWatch(watchId);
    else {
      const nothing = {
        watchId,
        missing: [],
        present: undefined,
        sandbox: undefined,
        followSymlinks: undefined,
      };
      await (await this.#files.ifMade)?.watchMissing(nothing);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([
      this.#confined.ifMade?.then(confined => confined.stop()),
      this.#files.ifMade?.then(files => files.stop()),
    ]);
  }
}

/** More than can be open and asked for at one time by a client that waits for its answers. */
const MAX_REMEMBERED_HANDLES = 1024;

type NamedPath = { readonly path: string; readonly writes: boolean };

/** The paths that a request names, and which of them it may change. */
const pathsOf = (name: ConfinableRequest, params: Params<ConfinableRequest>): NamedPath[] => {
  if ('missing' in params) {
    const { missing, present } = params;
    // Of more nothing is watched.
    const all =
      missing.length > MAX_WATCHED_PATHS ? [] : [...missing, ...(present === undefined ? [] : [present])];
    return all.map(path => ({ path, writes: false }));
  }
  if ('sourcePath' in params) {
    return [
      { path: params.sourcePath, writes: false },
      { path: params.destinationPath, writes: true },
    ];
  }
  if ('handleId' in params) return [{ path: params.path, writes: params.mode !== 'read' }];
  return [{ path: params.path, writes: WRITING.has(name) }];
};

const WRITING: ReadonlySet<ConfinableRequest> = new Set(['fs/writeFile', 'fs/createDirectory', 'fs/remove']);

/** As `codex exec-server` does, whatever else is wrong. */
const refuseLongHandleId = (handleId: string): void => {
  const bytes = Buffer.byteLength(handleId);
  if (bytes > MAX_HANDLE_ID_BYTES) throw outOfRange('handleId', bytes, 0, MAX_HANDLE_ID_BYTES);
};

const refuseOpen = ({ handleId }: Params<'fs/open'>, confined: ConfinedFiles | undefined): void => {
  if (confined?.holds(handleId)) throw fileHandleExists(handleId);
};

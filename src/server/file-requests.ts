import type { ParamsOut, ResultIn } from '../protocol/define.ts';
import { fileHandleExists, outOfRange } from '../protocol/errors.ts';
import { MAX_HANDLE_ID_BYTES } from '../protocol/limits.ts';
import type { Requests } from '../protocol/messages.ts';
import type { Files } from './files/files.ts';
import type { Lazy } from './lazy.ts';
import type { ConfinableRequest, ConfinedFiles, HandleRequest } from './sandbox/confined-files.ts';

type Params<Name extends keyof Requests> = ParamsOut<Requests[Name]>;
type Result<Name extends keyof Requests> = Promise<ResultIn<Requests[Name]>>;

/** The file requests of one connection: each is done here, or where its sandbox confines it. */
export class FileRequests {
  readonly #files: Lazy<Files>;
  readonly #confined: Lazy<ConfinedFiles>;

  constructor(files: Lazy<Files>, confined: Lazy<ConfinedFiles>) {
    this.#files = files;
    this.#confined = confined;
  }

  /** Does a request that may have a sandbox. */
  async request<Name extends ConfinableRequest>(
    name: Name,
    params: Params<Name>,
    here: (files: Files, params: Params<Name>) => Result<Name>,
  ): Result<Name> {
    const { sandbox } = params;
    if ('handleId' in params) refuseLongHandleId(params.handleId);
    const confined = await this.#confinedIf(sandbox !== undefined);
    if (name === 'fsWatchMissing') await this.#replaceWatch(params as Params<'fsWatchMissing'>, confined);
    if (sandbox !== undefined) {
      const answer = confined?.request(name, { ...params, sandbox });
      if (answer !== undefined) return (await answer) as ResultIn<Requests[Name]>;
    }
    if (name === 'fsOpen') refuseOpen(params as Params<'fsOpen'>, confined);
    return here(await this.#files.get(), { ...params, sandbox: undefined });
  }

  /** Does a request that names an open file: where that was opened. */
  async withHandle<Name extends HandleRequest>(
    name: Name,
    params: Params<Name>,
    here: (files: Files) => Result<Name>,
  ): Result<Name> {
    refuseLongHandleId(params.handleId);
    const confined = await this.#confinedIf(false);
    if (confined?.holds(params.handleId)) {
      return (await confined.withHandle(name, params)) as ResultIn<Requests[Name]>;
    }
    return here(await this.#files.get());
  }

  /** One step for all, so that a file is opened before blocks of it are asked for, in the order of the calls. */
  #confinedIf(needed: boolean): Promise<ConfinedFiles> | undefined {
    return needed ? this.#confined.get() : this.#confined.ifMade;
  }

  /** There is one watch in all: it ends wherever the new one is not. */
  async #replaceWatch(
    { watchId, sandbox }: Params<'fsWatchMissing'>,
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

/** As `codex exec-server` does, whatever else is wrong. */
const refuseLongHandleId = (handleId: string): void => {
  const bytes = Buffer.byteLength(handleId);
  if (bytes > MAX_HANDLE_ID_BYTES) throw outOfRange('handleId', bytes, 0, MAX_HANDLE_ID_BYTES);
};

const refuseOpen = ({ handleId }: Params<'fsOpen'>, confined: ConfinedFiles | undefined): void => {
  if (confined?.holds(handleId)) throw fileHandleExists(handleId);
};

import { fileHandleExists, limitExceeded, shuttingDown, unknownFileHandle } from '../../protocol/errors.ts';
import type { Expectation } from './expectation.ts';
import type { OpenFile } from './open-file.ts';

/** An id from the moment its file is asked for, so that blocks can be asked for without waiting. */
type Handle = { readonly opening: Promise<OpenFile>; last: Promise<unknown> };

/**
 * The files that a client holds open, by the ids that it gave them. What is asked of one file is done in the order of
 * the calls.
 */
export class OpenFiles {
  readonly #max: number;
  readonly #handles = new Map<string, Handle>();
  #closing = 0;
  #abandoned = false;

  constructor(max: number) {
    this.#max = max;
  }

  has(handleId: string): boolean {
    return this.#handles.has(handleId);
  }

  /**
   * Opens a file under an id.
   *
   * @throws {ExecServerError} `fileHandleExists`, `limitExceeded`, or what `open` throws
   */
  async open(handleId: string, open: () => Promise<OpenFile>): Promise<void> {
    if (this.#handles.has(handleId)) throw fileHandleExists(handleId);
    const count = this.#handles.size + this.#closing + 1;
    if (count > this.#max) throw limitExceeded('openFiles', count, this.#max);
    const opening = open();
    const handle = { opening, last: opening.catch(() => {}) };
    this.#handles.set(handleId, handle);
    try {
      await opening;
    } catch (error) {
      // By now the id may be closed, and another file's.
      if (this.#handles.get(handleId) === handle) this.#handles.delete(handleId);
      throw error;
    }
  }

  /**
   * Does something with an open file, after what was asked before.
   *
   * @throws {ExecServerError} `unknownFileHandle`, also where the file could not be opened; or what `act` throws
   */
  async use<Result>(handleId: string, act: (file: OpenFile) => Promise<Result>): Promise<Result> {
    const handle = this.#handles.get(handleId);
    if (handle === undefined) throw unknownFileHandle(handleId);
    return this.#inOrder(handleId, handle, act);
  }

  /**
   * Closes a file, after what was asked before; its id is free at once. One that isn't there is as good as closed,
   * unless something is expected of what it holds.
   *
   * @throws {ExecServerError} `contentMismatch`, `unknownFileHandle`, or the error of an earlier write
   */
  async close(
    handleId: string,
    { discard, ...expectation }: Expectation & { discard: boolean },
  ): Promise<void> {
    const handle = this.#handles.get(handleId);
    if (handle === undefined) {
      if (Object.values(expectation).some(value => value !== undefined)) throw unknownFileHandle(handleId);
      return;
    }
    this.#handles.delete(handleId);
    this.#closing += 1;
    try {
      await this.#inOrder(handleId, handle, file => (discard ? file.drop() : file.close(expectation)));
    } finally {
      this.#closing -= 1;
    }
  }

  /** Closes all, after what is under way; what waits is not done, and what was not closed is dropped where it can be. */
  async abandonAll(): Promise<void> {
    this.#abandoned = true;
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    await Promise.all(handles.map(drop));
  }

  #inOrder<Result>(
    handleId: string,
    handle: Handle,
    act: (file: OpenFile) => Promise<Result>,
  ): Promise<Result> {
    const done = handle.last.then(async () => {
      const file = await handle.opening.catch(() => undefined);
      if (file === undefined) throw unknownFileHandle(handleId);
      if (this.#abandoned) {
        await file.drop();
        throw shuttingDown();
      }
      return act(file);
    });
    handle.last = done.catch(() => {});
    return done;
  }
}

const drop = async ({ opening, last }: Handle): Promise<void> => {
  await last;
  const file = await opening.catch(() => undefined);
  await file?.drop();
};

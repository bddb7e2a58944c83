import { fileHandleExists, limitExceeded, shuttingDown, unknownFileHandle } from '../../protocol/errors.ts';
import type { Expectation } from './expectation.ts';
import type { OpenFile } from './open-file.ts';

/** A handle, from the request to open its file: blocks can be requested before the answer. */
type Handle = { readonly opening: Promise<OpenFile>; last: Promise<unknown> };

/**
 * The files that a client holds open, by the ids that it chose. The operations on one file run one after the other, in
 * the order of the calls.
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
   * @throws {ExecServerError} `fileHandleExists`, `limitExceeded`, or the error of `open`
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
      // The id may be closed by now, and belong to another file.
      if (this.#handles.get(handleId) === handle) this.#handles.delete(handleId);
      throw error;
    }
  }

  /**
   * Runs an operation on an open file, after earlier operations on it.
   *
   * @throws {ExecServerError} `unknownFileHandle`, also if the file could not be opened; or the error of `act`
   */
  async use<Result>(handleId: string, act: (file: OpenFile) => Promise<Result>): Promise<Result> {
    const handle = this.#handles.get(handleId);
    if (handle === undefined) throw unknownFileHandle(handleId);
    return this.#inOrder(handleId, handle, act);
  }

  /**
   * Closes a file, after earlier operations on it. The id is free immediately. An unknown id is no error unless some
   * content is expected.
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

  /** Drops all files after the running operations. Waiting operations are refused. */
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

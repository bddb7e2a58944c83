import { shuttingDown, unsupported } from '../../protocol/errors.ts';
import { base64Length } from '../../protocol/framing/encode.ts';
import { settledWithin } from '../../system/deadline.ts';
import { Semaphore } from '../../system/semaphore.ts';
import type { AnswerMemory } from '../memory/answer-memory.ts';
import type { Grow, PartialAnswers } from '../memory/partial-answers.ts';
import type { FileMethod, FileParams } from './file-methods.ts';
import {
  FILE_SHUTDOWN_MS,
  LISTING_FORMS,
  MAX_CONCURRENT_FILE_OPERATIONS,
  MAX_CONCURRENT_LISTINGS,
  MIN_FILE_ANSWER_BYTES,
} from './limits.ts';

/** Admission control for the file requests of one connection: concurrency, memory and shutdown. */
export class Admission {
  readonly #answers: AnswerMemory;
  readonly #parts: PartialAnswers;
  readonly #operations = new Semaphore(MAX_CONCURRENT_FILE_OPERATIONS);
  readonly #listings = new Semaphore(MAX_CONCURRENT_LISTINGS);
  readonly #pending = new Set<Promise<unknown>>();
  readonly #aborting = new AbortController();
  #stopping = false;

  constructor(answers: AnswerMemory, parts: PartialAnswers) {
    this.#answers = answers;
    this.#parts = parts;
  }

  /** Aborts the requests that a shutdown no longer waits for. */
  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  /**
   * Handles one request. `stop` waits for it.
   *
   * @throws {ExecServerError} `unsupported` for a restriction that is not enforced here, `shuttingDown`
   */
  async run<Answer>(
    method: FileMethod,
    params: FileParams<FileMethod>,
    handle: () => Promise<Answer>,
  ): Promise<Answer> {
    if ('sandbox' in params) assertUnrestricted(method, params);
    if (this.#stopping) throw shuttingDown();
    const answer = handle();
    this.#pending.add(answer);
    try {
      return await answer;
    } finally {
      this.#pending.delete(answer);
    }
  }

  /** Runs an operation that holds a file descriptor or the content of a file. */
  operation<Answer>(operate: () => Promise<Answer>): Promise<Answer> {
    return this.#runIn(this.#operations, operate);
  }

  /** Runs an operation that only looks up a path; without links it holds the directories on the way open. */
  lookingUp<Answer>(followSymlinks: boolean | undefined, lookUp: () => Promise<Answer>): Promise<Answer> {
    return followSymlinks === false ? this.operation(lookUp) : lookUp();
  }

  /** Runs an operation that is answered with at most this number of bytes as base64, once there is memory for it. */
  reading<Answer>(bytes: number, read: () => Promise<Answer>): Promise<Answer> {
    const memory = Math.max(bytes + base64Length(bytes), MIN_FILE_ANSWER_BYTES);
    return this.#answers.making(memory, () => this.operation(read));
  }

  /** Runs an operation that takes memory as it proceeds. */
  growing<Answer>(operate: (grow: Grow) => Promise<Answer>): Promise<Answer> {
    return this.operation(() => this.#parts.making(operate));
  }

  /** Lists a directory or a tree; the length of the answer is known at the end. */
  listing<Answer>(list: (grow: Grow) => Promise<Answer>): Promise<Answer> {
    const listInParts = () =>
      this.#parts.making(async grow => {
        let bytes = MIN_FILE_ANSWER_BYTES;
        const answer = await list(more => {
          bytes += more;
          return grow(more);
        });
        return this.#answers.making(LISTING_FORMS * bytes, () => answer);
      });
    return this.#runIn(this.#listings, listInParts);
  }

  /**
   * Refuses further requests, waits for the pending ones, then aborts those that are left.
   *
   * @param closeFiles drops the files that the client left open
   */
  async stop(closeFiles: () => Promise<unknown>): Promise<void> {
    this.#stopping = true;
    await settledInTime(this.#pending);
    this.#aborting.abort(shuttingDown());
    // A file system that does not respond would block these forever.
    await settledInTime([closeFiles(), ...this.#pending]);
  }

  #runIn<Answer>(semaphore: Semaphore, operate: () => Promise<Answer>): Promise<Answer> {
    return semaphore.run(() => {
      this.signal.throwIfAborted();
      return operate();
    });
  }
}

/** The fields of a request that restrict its access: they are never ignored. */
type Restrictions = { readonly sandbox?: unknown; readonly followSymlinks?: boolean | undefined };

const assertUnrestricted = (method: FileMethod, { sandbox, followSymlinks }: Restrictions): void => {
  if (sandbox !== undefined) throw unsupported('sandbox', 'this server does not sandbox file requests');
  if (followSymlinks === false && !WITHOUT_LINKS.has(method)) {
    throw unsupported('followSymlinks', `${method} always follows symbolic links in a path`);
  }
};

/** Methods that can refuse links in a path. */
const WITHOUT_LINKS: ReadonlySet<FileMethod> = new Set<FileMethod>([
  'fs/readFile',
  'fs/writeFile',
  'fs/createDirectory',
  'fs/getMetadata',
  'fs/remove',
  'fs/open',
]);

const settledInTime = (promises: Iterable<Promise<unknown>>): Promise<unknown> =>
  settledWithin(Promise.allSettled(promises), FILE_SHUTDOWN_MS);

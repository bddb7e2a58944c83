import type { CommandSession } from './command-session.ts';
import { UnifiedExecError } from './errors.ts';
import { MAX_REMEMBERED_ENDS, type UnifiedExecLimits } from './limits.ts';

/** The reason why a session has ended. An error is thrown once, unchanged. */
export type SessionEnd = 'answered' | 'ended' | 'replaced' | { readonly error: unknown };

/** The open sessions by id, in the order of their last use. Ids are never reused. */
export class Sessions {
  readonly #limits: UnifiedExecLimits;
  readonly #byId = new Map<number, CommandSession>();
  readonly #ends = new Map<number, SessionEnd>();
  #lastId = 0;

  constructor(limits: UnifiedExecLimits) {
    this.#limits = limits;
  }

  /**
   * Adds a session. If there are too many, ends another one: first one whose process has ended, then the least recently
   * used one, preferably without a pending call, and none of the most recently used. Those whose caller knows all about
   * them are removed before there are many.
   */
  add(session: CommandSession): { readonly sessionId: number; readonly warning: string | undefined } {
    if (this.#byId.size + 1 >= this.#limits.warnAtSessions) this.#removeAnswered();
    const replaced = this.#byId.size < this.#limits.maxSessions ? undefined : this.#leastNeeded();
    if (replaced !== undefined) {
      this.#byId.get(replaced)?.terminate();
      this.remove(replaced, 'replaced');
    }
    this.#lastId += 1;
    const sessionId = this.#lastId;
    this.#byId.set(sessionId, session);
    void session.over.then(() => this.#dropIfFailed(sessionId, session));
    return { sessionId, warning: this.#warning(replaced) };
  }

  /**
   * Returns the session with this id and marks it as used.
   *
   * @throws the error of the session, at the first call after it
   * @throws {UnifiedExecError} `unknownSession`
   */
  use(sessionId: number): CommandSession {
    const session = this.#byId.get(sessionId);
    if (session === undefined) throw this.#errorOfMissing(sessionId);
    this.#byId.delete(sessionId);
    this.#byId.set(sessionId, session);
    return session;
  }

  /** Removes a session, or updates the reason why it has ended. */
  remove(sessionId: number, end: SessionEnd): void {
    this.#byId.delete(sessionId);
    this.#ends.delete(sessionId);
    this.#ends.set(sessionId, end);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > MAX_REMEMBERED_ENDS) this.#ends.delete(oldest as number);
  }

  /** All sessions, the most recently used one last. */
  all(): readonly (readonly [sessionId: number, session: CommandSession])[] {
    return [...this.#byId];
  }

  #removeAnswered(): void {
    for (const [sessionId, { isAnswered }] of this.all()) if (isAnswered) this.remove(sessionId, 'answered');
  }

  #warning(replaced: number | undefined): string | undefined {
    const { maxSessions, warnAtSessions } = this.#limits;
    if (replaced !== undefined) {
      return `session ${replaced} was ended to make room: at most ${maxSessions} can be open`;
    }
    const count = this.#byId.size;
    return count < warnAtSessions
      ? undefined
      : `${count} of at most ${maxSessions} sessions are open: end those that are no longer needed`;
  }

  #leastNeeded(): number | undefined {
    const inOrder = this.all();
    const candidates = inOrder.slice(0, Math.max(1, inOrder.length - this.#limits.protectedSessions));
    const first =
      candidates.find(([, { outcome }]) => outcome !== undefined) ??
      candidates.find(([, { awaited }]) => !awaited) ??
      candidates[0];
    return first?.[0];
  }

  /** Removes a failed session, so that it takes no place from others. */
  #dropIfFailed(sessionId: number, { outcome }: CommandSession): void {
    if (outcome !== undefined && 'error' in outcome && this.#byId.has(sessionId))
      this.remove(sessionId, outcome);
  }

  #errorOfMissing(sessionId: number): unknown {
    const end = this.#ends.get(sessionId);
    if (typeof end === 'object') {
      this.remove(sessionId, 'answered');
      return end.error;
    }
    const known = sessionId >= 1 && sessionId <= this.#lastId;
    const why = end === undefined ? (known ? FORGOTTEN : NEVER_EXISTED) : END_TEXTS[end];
    return new UnifiedExecError('unknownSession', `unknown session ${sessionId}: ${why}`);
  }
}

const FORGOTTEN = 'it ended earlier and is no longer remembered';
const NEVER_EXISTED = 'no session has had this id';
const END_TEXTS = {
  answered: 'it has ended, and an earlier result had its exit code',
  ended: 'it was ended on request',
  replaced: 'it was ended to make room for a new one',
} as const;

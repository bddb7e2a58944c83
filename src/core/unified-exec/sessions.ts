import { UnifiedExecError } from './errors.ts';
import { MAX_REMEMBERED_ENDS, type UnifiedExecLimits } from './limits.ts';
import type { ExecSession } from './session.ts';

/** Why a session is no longer there; an error is told once, as it is. */
export type Farewell = 'answered' | 'ended' | 'replaced' | { readonly error: unknown };

/** The sessions that can be asked for, by their ids, in the order of their last use. An id is never given twice. */
export class Sessions {
  readonly #limits: UnifiedExecLimits;
  readonly #byId = new Map<number, ExecSession>();
  readonly #farewells = new Map<number, Farewell>();
  #lastId = 0;

  constructor(limits: UnifiedExecLimits) {
    this.#limits = limits;
  }

  /**
   * Takes a session in. Where that makes too many, another one goes, and its process is ended: one that has
   * ended by itself before one that runs, one used long ago before one used lately, one that nobody waits for
   * before one that is awaited, and none of the few used last.
   */
  add(session: ExecSession): { readonly sessionId: number; readonly warning: string | undefined } {
    const replaced = this.#byId.size < this.#limits.maxSessions ? undefined : this.#leastWanted();
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
   * The session with this id, which is used now.
   *
   * @throws what it failed with, at the first call after that
   * @throws {UnifiedExecError} `unknownSession`
   */
  use(sessionId: number): ExecSession {
    const session = this.#byId.get(sessionId);
    if (session === undefined) throw this.#reasonOfAbsence(sessionId);
    this.#byId.delete(sessionId);
    this.#byId.set(sessionId, session);
    return session;
  }

  /** Takes a session out, or says better why it is out. */
  remove(sessionId: number, farewell: Farewell): void {
    this.#byId.delete(sessionId);
    this.#farewells.delete(sessionId);
    this.#farewells.set(sessionId, farewell);
    const [oldest] = this.#farewells.keys();
    if (this.#farewells.size > MAX_REMEMBERED_ENDS) this.#farewells.delete(oldest as number);
  }

  /** All of them, the one used last at the end. */
  all(): readonly (readonly [sessionId: number, session: ExecSession])[] {
    return [...this.#byId];
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

  #leastWanted(): number | undefined {
    const inOrder = this.all();
    const candidates = inOrder.slice(0, Math.max(1, inOrder.length - this.#limits.protectedSessions));
    const first =
      candidates.find(([, { outcome }]) => outcome !== undefined) ??
      candidates.find(([, { awaited }]) => !awaited) ??
      candidates[0];
    return first?.[0];
  }

  /** One whose end is never known takes no place from others. */
  #dropIfFailed(sessionId: number, { outcome }: ExecSession): void {
    if (outcome !== undefined && 'error' in outcome && this.#byId.has(sessionId))
      this.remove(sessionId, outcome);
  }

  #reasonOfAbsence(sessionId: number): unknown {
    const farewell = this.#farewells.get(sessionId);
    if (typeof farewell === 'object') {
      this.remove(sessionId, 'answered');
      return farewell.error;
    }
    const known = sessionId >= 1 && sessionId <= this.#lastId;
    const why = farewell === undefined ? (known ? LONG_GONE : NEVER_THERE) : FAREWELLS[farewell];
    return new UnifiedExecError('unknownSession', `there is no session ${sessionId}: ${why}`);
  }
}

const LONG_GONE = 'it is long gone';
const NEVER_THERE = 'there never was one with this id';
const FAREWELLS = {
  answered: 'it has ended, and an earlier answer told how',
  ended: 'it was ended on request',
  replaced: 'it was ended to make room for a new one',
} as const;

import { alreadyInitialized, notInitialized } from '../../protocol/errors.ts';
import type { Framing } from '../../protocol/framing/decoder.ts';

/** How far the opening of a connection has come: `initialize`, its answer, `initialized`, everything else. */
export class Session {
  readonly id: string;
  #stage: 'new' | 'answered' | 'ready' = 'new';

  constructor(id = newSessionId()) {
    this.id = id;
  }

  /** @throws {ExecServerError} `notInitialized` for a call that comes too early */
  admit(method: string): void {
    if (method === 'initialize' || this.#stage === 'ready') return;
    throw notInitialized(method, this.#stage === 'new' ? 'initialize' : 'initialized');
  }

  /** @throws {ExecServerError} `alreadyInitialized` the second time */
  initialize(): void {
    if (this.#stage !== 'new') throw alreadyInitialized();
    this.#stage = 'answered';
  }

  /** Before `initialize` it has no effect. */
  initialized(): void {
    if (this.#stage === 'answered') this.#stage = 'ready';
  }
}

/** A name for logs. It opens nothing, so nobody has to be kept from guessing it; node:crypto loads slowly. */
export const newSessionId = (): string =>
  `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;

/** An `initialize` that was answered before there was a server. */
export type Answered = { readonly params: object; readonly framing: Framing; readonly sessionId: string };

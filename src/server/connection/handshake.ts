import { alreadyInitialized, notInitialized } from '../../protocol/errors.ts';

/** Progress of the handshake of a connection: `initialize`, its answer, `initialized`, then every other method. */
export class Handshake {
  #stage: 'new' | 'answered' | 'ready' = 'new';

  /** @throws {ExecServerError} `notInitialized` for a request that comes too early */
  admit(method: string): void {
    if (method === 'initialize' || this.#stage === 'ready') return;
    throw notInitialized(method, this.#stage === 'new' ? 'initialize' : 'initialized');
  }

  /** @throws {ExecServerError} `alreadyInitialized` the second time */
  initialize(): void {
    if (this.#stage !== 'new') throw alreadyInitialized();
    this.#stage = 'answered';
  }

  /** Has no effect before `initialize`. */
  initialized(): void {
    if (this.#stage === 'answered') this.#stage = 'ready';
  }
}

import type { ExecClient, KeepOptions, SessionEvent } from '../core/index.ts';
import { settledWithin } from '../system/deadline.ts';
import { durationText } from './duration.ts';

/** Time for the server to end a session, in milliseconds. */
const END_MS = 2500;

/** Options of `KeptConnection`. */
export type KeptConnectionOptions = {
  /** Name of the server in messages. */
  readonly label: string;
  /** Time for which the session waits on the server, in milliseconds. */
  readonly keepMs: number;
  /** Prints a message. */
  readonly report: (message: string) => void;
};

/**
 * A connection that is opened again when it is lost, while its processes continue. It reports that it was lost, with the
 * reason, and that it is open again; what comes in between is not reported.
 */
export class KeptConnection {
  readonly #options: KeptConnectionOptions;
  readonly #resumed: Array<() => void> = [];
  #client: ExecClient | undefined;

  constructor(options: KeptConnectionOptions) {
    this.#options = options;
  }

  /** Options for `connect`. */
  get session(): KeepOptions {
    return { keepMs: this.#options.keepMs, onEvent: event => this.#changed(event) };
  }

  /** Receives the client. Reports if the server does not keep its session, or not as long as requested. */
  opened(client: ExecClient): void {
    const { keepMs, report, label } = this.#options;
    this.#client = client;
    if (client.session == null)
      report(
        `the command ends with the connection to ${label}: ${client.sessionUnavailable ?? 'this server keeps no sessions'}`,
      );
    else if (client.session.keepMs < keepMs)
      report(`${label} keeps the command for ${durationText(client.session.keepMs)} only`);
  }

  /** True while there is no connection. */
  get isReconnecting(): boolean {
    return this.#client?.state === 'reconnecting';
  }

  /** Calls back after each new connection. */
  onResumed(callback: () => void): void {
    this.#resumed.push(callback);
  }

  /**
   * Opens another connection in place of one that does not answer.
   *
   * @returns false if the session does not outlive its connection
   */
  reconnect(reason: string): boolean {
    this.#client?.reconnect(reason);
    return this.#client?.session != null;
  }

  /** Reports a signal that reaches the command later. */
  deferred(signal: NodeJS.Signals): void {
    this.#options.report(
      `${signal} will be sent to the command after the reconnection; another signal ends the wait`,
    );
  }

  /**
   * Ends the connection, and the session, if the server answers in time.
   *
   * @param reason completes "the connection was …"
   */
  async abort(reason: string): Promise<void> {
    const client = this.#client;
    if (client?.session != null && client.state === 'connected') await settledWithin(client.close(), END_MS);
    await client?.abort(reason);
  }

  /** Consequence of an end of the connection, which is added to its reason; empty if the server learns of it. */
  get consequence(): string {
    const { keepMs } = this.#client?.session ?? this.#options;
    return this.isReconnecting ? `; the command may run for another ${durationText(keepMs)}` : '';
  }

  #changed(event: SessionEvent): void {
    const { label, report } = this.#options;
    if (event.type === 'reconnecting' && event.attempt === 1)
      report(`the connection to ${label} was lost: ${event.reason}; reconnecting`);
    if (event.type !== 'resumed') return;
    report(`the connection to ${label} was resumed`);
    for (const callback of this.#resumed) callback();
  }
}

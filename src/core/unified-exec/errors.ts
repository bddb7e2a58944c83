/** What an agent asked for that can't be done. Errors of a start are the server's, as `client.start` throws them. */
export type UnifiedExecErrorKind =
  /** A field is missing or wrong; the message names it. */
  | 'invalidOptions'
  | 'unknownEnvironment'
  /** There is no such session, or no longer; the message says why. */
  | 'unknownSession'
  /** The process has no stdin, or has closed it. Nothing was written. */
  | 'stdinClosed'
  /** `close` was called. */
  | 'closed';

/** An error that the caller can tell to the model as it is. */
export class UnifiedExecError extends Error {
  override readonly name = 'UnifiedExecError';
  /** Callers branch on this, never on the message. */
  readonly kind: UnifiedExecErrorKind;

  constructor(kind: UnifiedExecErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

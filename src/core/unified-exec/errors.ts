/** The kinds of mistakes of a caller. Errors of a start are those of `client.start`. */
export type UnifiedExecErrorKind =
  /** A field is missing or wrong; the message names it. */
  | 'invalidOptions'
  | 'unknownEnvironment'
  /** There is no such session, or not any more; the message gives the reason. */
  | 'unknownSession'
  /** The process has no stdin, or has closed it. Nothing was written. */
  | 'stdinClosed'
  /** `close` was called. */
  | 'closed';

/** An error whose message can be passed to the model. */
export class UnifiedExecError extends Error {
  override readonly name = 'UnifiedExecError';
  /** The kind; callers branch on it, never on the message. */
  readonly kind: UnifiedExecErrorKind;

  constructor(kind: UnifiedExecErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

import type { PathOrigin } from '../shared-config/index.ts';
import type { FileRefusal, LaunchStage } from './error-data.ts';

/**
 * Every kind of error with its JSON-RPC code. The contract fixes the codes, so several kinds share one; callers branch
 * on `data.kind`, never on the message.
 */
export const errorKinds = {
  parseError: -32700,
  invalidMessage: -32600,
  frameTooLarge: -32600,
  notInitialized: -32600,
  alreadyInitialized: -32600,
  resumeUnavailable: -32600,
  sessionUnknown: -32600,
  sessionExpired: -32600,
  sessionElsewhere: -32600,
  sessionTaken: -32600,
  replayLost: -32600,
  shuttingDown: -32600,
  processExists: -32600,
  startCancelled: -32600,
  unknownProcess: -32600,
  httpRequestExists: -32602,
  unsupported: -32600,
  limitExceeded: -32600,
  outOfRange: -32600,
  permissionDenied: -32600,
  fileRefused: -32600,
  invalidContent: -32600,
  contentMismatch: -32600,
  fileHandleExists: -32600,
  fileHandleMode: -32600,
  unknownFileHandle: -32004,
  fileNotFound: -32004,
  unknownMethod: -32601,
  invalidParams: -32602,
  launchFailed: -32603,
  fileError: -32603,
  httpFailed: -32603,
  configInvalid: -32603,
  resourceShortage: -32603,
  invalidAnswer: -32603,
  internal: -32603,
} as const;
export type ErrorKind = keyof typeof errorKinds;

/** An error that is sent to the peer: its kind, a message for people and data for programs. */
export class ExecServerError extends Error {
  override readonly name = 'ExecServerError';
  readonly kind: ErrorKind;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(kind: ErrorKind, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.data = { kind, ...data };
  }

  /** The JSON-RPC code of this kind. */
  get code(): number {
    return errorKinds[this.kind];
  }
}

export const parseError = (reason: string) => new ExecServerError('parseError', reason);

export const invalidMessage = (reason: string) => new ExecServerError('invalidMessage', reason);

export const frameTooLarge = (current: number, max: number) =>
  new ExecServerError('frameTooLarge', `the frame has ${current} bytes; the limit is ${max}`, {
    limit: 'frameBytes',
    current,
    max,
  });

export const notInitialized = (method: string, missing: 'initialize' | 'initialized') =>
  new ExecServerError('notInitialized', `${method} was received before ${missing}: send ${missing} first`, {
    missing,
  });

export const alreadyInitialized = () =>
  new ExecServerError('alreadyInitialized', 'initialize was already called on this connection');

export const resumeUnavailable = () =>
  new ExecServerError(
    'resumeUnavailable',
    'resumeSessionId: sessions cannot be resumed; a session ends with its connection',
  );

export const sessionUnknown = () =>
  new ExecServerError(
    'sessionUnknown',
    'resume.sessionId: there is no such session here; the host may have been restarted',
  );

export const sessionExpired = () =>
  new ExecServerError(
    'sessionExpired',
    'resume.sessionId: the session has ended, since it was not resumed in time',
  );

export const sessionElsewhere = (host: string) =>
  new ExecServerError('sessionElsewhere', `resume.sessionId: the session is on another host: ${host}`, {
    host,
  });

export const sessionTaken = () =>
  new ExecServerError(
    'sessionTaken',
    'resume.clientId: another client has resumed the session in the meantime',
  );

export const replayLost = (receivedBytes: number) =>
  new ExecServerError(
    'replayLost',
    `resume.receivedBytes: the bytes after ${receivedBytes} are not kept any more, or were never sent`,
  );

export const shuttingDown = () => new ExecServerError('shuttingDown', 'the server is shutting down');

export const processExists = (processId: string) =>
  new ExecServerError('processExists', `process ${processId} already exists`, { processId });

export const startCancelled = (processId: string) =>
  new ExecServerError('startCancelled', `process ${processId} was terminated before it had started`, {
    processId,
  });

export const startTimedOut = (processId: string, ms: number) =>
  new ExecServerError(
    'startCancelled',
    `the start of process ${processId} was not answered within ${ms} ms`,
    {
      processId,
    },
  );

export const unknownProcess = (processId: string) =>
  new ExecServerError('unknownProcess', `unknown process ${processId}`, { processId });

/** A feature of the contract that this server does not support here; `field` requested it. */
export const unsupported = (field: string, reason: string) =>
  new ExecServerError('unsupported', `${field}: ${reason}`, { field });

/** A limit that was exceeded: its name, the value it would have, and the maximum. */
export const limitExceeded = (limit: string, current: number, max: number, hint?: string) =>
  new ExecServerError(
    'limitExceeded',
    `${limit}: ${current} exceeds the limit of ${max}${hint === undefined ? '' : `; ${hint}`}`,
    { limit, current, max },
  );

/** A number or a length that is too small or too large. */
export const outOfRange = (field: string, current: number, min: number, max: number) =>
  new ExecServerError('outOfRange', `${field}: expected ${min} to ${max}, received ${current}`, {
    field,
    current,
    min,
    max,
  });

export const unknownMethod = (method: string) => {
  const start = method.length > MAX_QUOTED_LENGTH ? `${method.slice(0, MAX_QUOTED_LENGTH)}…` : method;
  return new ExecServerError('unknownMethod', `unknown method ${start}`, { method: start });
};

/** The longest part of a text that an error repeats, in UTF-16 code units. */
const MAX_QUOTED_LENGTH = 256;

export const invalidParams = (field: string, problem: string) =>
  new ExecServerError('invalidParams', `${field}: ${problem}`, { field });

/** An answer that does not match the declaration of its method. The client creates it; a server never sends it. */
export const invalidAnswer = (method: string, { message, data }: ExecServerError) =>
  new ExecServerError('invalidAnswer', `answer to ${method}: ${message}`, { field: data.field });

export const launchFailed = (
  message: string,
  data: {
    stage: LaunchStage;
    errno: string;
    path: string;
    searchedPath?: readonly string[];
    /** The origin of the child's `PATH`; names and patterns, no value. */
    pathFrom?: PathOrigin;
  },
  options?: ErrorOptions,
) => new ExecServerError('launchFailed', message, data, options);

/** A configuration file of this host that is not TOML; the reason has the file and the position, no value. */
export const configInvalid = (reason: string) => new ExecServerError('configInvalid', reason);

/** A shortage of the system, by `errno`: descriptors, processes or memory. */
export const resourceShortage = (errno: string, options?: ErrorOptions) =>
  new ExecServerError(
    'resourceShortage',
    `out of ${RESOURCES[errno] ?? 'resources'} (${errno}); try again when some are free`,
    { errno },
    options,
  );

const RESOURCES: Readonly<Record<string, string>> = {
  EMFILE: 'file descriptors in this server',
  ENFILE: 'file descriptors',
  EAGAIN: 'processes',
  ENOMEM: 'memory',
};

export const httpRequestExists = (requestId: string) =>
  new ExecServerError('httpRequestExists', `HTTP request ${requestId} is still in progress`, { requestId });

/** An HTTP request without a complete response; `host` is the first host of the request. */
export const httpFailed = (host: string, reason: string, errno: string | undefined, options?: ErrorOptions) =>
  new ExecServerError(
    'httpFailed',
    `HTTP request to ${host} failed: ${reason}`,
    { host, reason, ...(errno !== undefined && { errno }) },
    options,
  );

/** A file request that is not possible with this path, independent of permissions. */
export const fileRefused = (reason: FileRefusal, path: string, problem: string) =>
  new ExecServerError('fileRefused', `${path}: ${problem}`, { reason, path });

/** Contents for a file that are not base64. */
export const invalidContent = (field: string) =>
  new ExecServerError('invalidContent', `${field}: expected base64 with padding`, { field });

/** A file whose contents differ from what the client expected. */
export const contentMismatch = (what: 'size' | 'sha256', path: string, expected: string, actual: string) =>
  new ExecServerError('contentMismatch', `${path}: expected ${what} ${expected}, found ${actual}`, {
    what,
    path,
    expected,
    actual,
  });

export const fileHandleExists = (handleId: string) =>
  new ExecServerError('fileHandleExists', `file handle ${handleId} already exists`, { handleId });

/** A file that is open with another mode. */
export const fileHandleMode = (handleId: string, mode: string) =>
  new ExecServerError('fileHandleMode', `file handle ${handleId} is open with mode ${mode}`, {
    handleId,
    mode,
  });

export const unknownFileHandle = (handleId: string) =>
  new ExecServerError('unknownFileHandle', `unknown file handle ${handleId}`, { handleId });

/** An error of the operating system for a path. */
export const fileError = (path: string, errno: string, problem: string, options?: ErrorOptions) =>
  new ExecServerError(
    kindsOfErrno[errno] ?? 'fileError',
    `${path}: ${problem} (${errno})`,
    { errno, path },
    options,
  );

/** The error numbers with their own kind; all others are `fileError`. */
const kindsOfErrno: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'fileNotFound',
  EACCES: 'permissionDenied',
  EPERM: 'permissionDenied',
};

/** An error of the server itself. The message of an unexpected error may contain anything, so only its name is sent. */
export const internal = (cause: unknown) =>
  new ExecServerError(
    'internal',
    `internal error (${cause instanceof Error ? cause.name : typeof cause})`,
    {},
    { cause },
  );

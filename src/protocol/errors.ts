import type { PathOrigin } from '../shared-config/index.ts';

/**
 * Every kind of error and its JSON-RPC code. The code is what the contract fixes, so several kinds share
 * one; callers branch on `data.kind`, never on the message.
 */
export const errorKinds = {
  parseError: -32700,
  invalidMessage: -32600,
  frameTooLarge: -32600,
  notInitialized: -32600,
  alreadyInitialized: -32600,
  resumeUnavailable: -32600,
  shuttingDown: -32600,
  processExists: -32600,
  startCalledOff: -32600,
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

/** An error that the peer is told in full: its kind, a text for people and data for programs. */
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
  new ExecServerError('frameTooLarge', `a frame of ${current} bytes is over the limit of ${max}`, {
    limit: 'frameBytes',
    current,
    max,
  });

export const notInitialized = (method: string, missing: 'initialize' | 'initialized') =>
  new ExecServerError('notInitialized', `${method} came before ${missing}: send ${missing} first`, {
    missing,
  });

export const alreadyInitialized = () =>
  new ExecServerError('alreadyInitialized', 'initialize was already called on this connection');

export const resumeUnavailable = () =>
  new ExecServerError('resumeUnavailable', 'resumeSessionId: a session ends with its connection');

export const shuttingDown = () => new ExecServerError('shuttingDown', 'the server is shutting down');

export const processExists = (processId: string) =>
  new ExecServerError('processExists', `process ${processId} already exists`, { processId });

export const startCalledOff = (processId: string) =>
  new ExecServerError('startCalledOff', `process ${processId} was terminated before it was started`, {
    processId,
  });

export const unknownProcess = (processId: string) =>
  new ExecServerError('unknownProcess', `there is no process ${processId}`, { processId });

/** Something the contract has but this server, here, can't do; `field` is what asked for it. */
export const unsupported = (field: string, reason: string) =>
  new ExecServerError('unsupported', `${field}: ${reason}`, { field });

/** A bound was reached: which, what it would have become, and what is allowed. */
export const limitExceeded = (limit: string, current: number, max: number, hint?: string) =>
  new ExecServerError(
    'limitExceeded',
    `${limit}: ${current} is over the limit of ${max}${hint === undefined ? '' : `; ${hint}`}`,
    { limit, current, max },
  );

/** A number, or the length of something, that is too small or too large. */
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

/** The most of a text of any length that an error repeats, in UTF-16 code units. */
const MAX_QUOTED_LENGTH = 256;

export const invalidParams = (field: string, problem: string) =>
  new ExecServerError('invalidParams', `${field}: ${problem}`, { field });

/** An answer that is not as its method declares it. Made by the client that received it; a server never sends it. */
export const invalidAnswer = (method: string, { message, data }: ExecServerError) =>
  new ExecServerError('invalidAnswer', `answer to ${method}: ${message}`, { field: data.field });

/** The step of a start that failed. */
export type LaunchStage = 'cwd' | 'resolve' | 'permission' | 'pty' | 'sandbox' | 'spawn';

export const launchFailed = (
  message: string,
  data: {
    stage: LaunchStage;
    errno: string;
    path: string;
    searchedPath?: readonly string[];
    /** How the child came by its `PATH`; names and patterns, no value. */
    pathFrom?: PathOrigin;
  },
  options?: ErrorOptions,
) => new ExecServerError('launchFailed', message, data, options);

/** A configuration file of this host that isn't TOML; the reason has the file and the place, no value. */
export const configInvalid = (reason: string) => new ExecServerError('configInvalid', reason);

/** The system had too little of something, by `errno`: descriptors, processes or memory. */
export const resourceShortage = (errno: string, options?: ErrorOptions) =>
  new ExecServerError(
    'resourceShortage',
    `the system refused for lack of ${LACKING[errno] ?? 'resources'} (${errno}); try again when some are free`,
    { errno },
    options,
  );

const LACKING: Readonly<Record<string, string>> = {
  EMFILE: 'file descriptors of this server',
  ENFILE: 'file descriptors',
  EAGAIN: 'processes',
  ENOMEM: 'memory',
};

export const httpRequestExists = (requestId: string) =>
  new ExecServerError('httpRequestExists', `HTTP request ${requestId} is still going on`, { requestId });

/** An HTTP request without a response, or without all of it; `host` is the one that was asked first. */
export const httpFailed = (host: string, reason: string, errno: string | undefined, options?: ErrorOptions) =>
  new ExecServerError(
    'httpFailed',
    `HTTP request to ${host} failed: ${reason}`,
    { host, reason, ...(errno !== undefined && { errno }) },
    options,
  );

/** What a path is, or what it has to do with another one, that a file request can't be done with. */
export type FileRefusal =
  | 'notAFile'
  | 'directory'
  | 'specialFile'
  | 'sameFile'
  | 'intoItself'
  | 'root'
  | 'owner'
  | 'hardLinks';

/** A file request that can't be done with this path, whatever its permissions. */
export const fileRefused = (reason: FileRefusal, path: string, problem: string) =>
  new ExecServerError('fileRefused', `${path}: ${problem}`, { reason, path });

/** Bytes for a file that are no base64. */
export const invalidContent = (field: string) =>
  new ExecServerError('invalidContent', `${field}: must be base64 with padding`, { field });

/** A file does not hold what the client expected. */
export const contentMismatch = (what: 'size' | 'sha256', path: string, expected: string, actual: string) =>
  new ExecServerError('contentMismatch', `${path}: expected ${what} ${expected}, found ${actual}`, {
    what,
    path,
    expected,
    actual,
  });

export const fileHandleExists = (handleId: string) =>
  new ExecServerError('fileHandleExists', `file handle ${handleId} already exists`, { handleId });

/** A file that is open for something else. */
export const fileHandleMode = (handleId: string, mode: string) =>
  new ExecServerError('fileHandleMode', `file handle ${handleId} is open with mode ${mode}`, {
    handleId,
    mode,
  });

export const unknownFileHandle = (handleId: string) =>
  new ExecServerError('unknownFileHandle', `there is no file handle ${handleId}`, { handleId });

/** What the operating system says of a path, by its name for it. */
export const fileError = (path: string, errno: string, problem: string, options?: ErrorOptions) =>
  new ExecServerError(
    kindsOfErrno[errno] ?? 'fileError',
    `${path}: ${problem} (${errno})`,
    { errno, path },
    options,
  );

/** Which of them have a kind of their own; all others are `fileError`. */
const kindsOfErrno: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'fileNotFound',
  EACCES: 'permissionDenied',
  EPERM: 'permissionDenied',
};

/** What is no fault of the caller. The text of an unforeseen error may hold anything, so only its name is told. */
export const internal = (cause: unknown) =>
  new ExecServerError(
    'internal',
    `internal error (${cause instanceof Error ? cause.name : typeof cause})`,
    {},
    { cause },
  );

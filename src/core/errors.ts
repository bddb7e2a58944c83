import type { ErrorKind } from '../protocol/errors.ts';
import { type LikelyCause, likelyCause } from './likely-cause.ts';
import { printableLine } from './printable.ts';
import { countedBytes, type StartUpOutput, type StartUpOutputRecord } from './start-up-output.ts';
import type { TransportEnd } from './transport.ts';

/**
 * The error of a request: from the server, or `invalidAnswer` if its answer is not valid.
 *
 * Message and data are as the server sent them: escape them before showing them on a terminal.
 */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly method: string;
  /** The JSON-RPC code. */
  readonly code: number;
  /** The kind, see docs/errors.md; callers branch on it, never on the message. */
  readonly kind: ErrorKind | (string & {}) | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(method: string, error: { code: number; message: string; data?: unknown }) {
    super(error.message);
    this.method = method;
    this.code = error.code;
    this.data = typeof error.data === 'object' && error.data !== null ? { ...error.data } : {};
    this.kind = typeof this.data.kind === 'string' ? this.data.kind : undefined;
  }
}

/**
 * The error of a connection that could not be opened or has ended. Text of the other side is escaped in the message, so
 * that each line is safe to show.
 */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
  /** The end of the program that carried the connection, if there was one. */
  readonly transport: TransportEnd | undefined;
  /** Bytes that came in place of the first frame of a server; only if there was none. */
  readonly startUpOutput: StartUpOutput | undefined;
  /** The probable cause; only for a connection that was not opened, and if there is evidence. */
  readonly likelyCause: LikelyCause | undefined;

  constructor(
    message: string,
    transport?: TransportEnd,
    {
      startUpOutput,
      likelyCause,
    }: { startUpOutput?: StartUpOutput | undefined; likelyCause?: LikelyCause | undefined } = {},
  ) {
    super(message);
    this.transport = transport;
    this.startUpOutput = startUpOutput;
    this.likelyCause = likelyCause;
  }
}

/** The facts about a connection that was not opened. */
export type FailedOpening = {
  /** Default: `connect to`. */
  readonly task?: string;
  readonly label: string;
  /** The command of the target; empty for streams without one. */
  readonly argv: readonly string[];
  /** The problem with the answer, or its absence. */
  readonly reason: string | undefined;
  readonly startUpOutput: StartUpOutputRecord;
  readonly transport: TransportEnd | undefined;
};

/** Composes the error of a connection that was not opened: the reason, the bytes that came, and advice. */
export const connectionFailed = ({
  task = 'connect to',
  label,
  argv,
  reason,
  startUpOutput: { text, summary },
  transport,
}: FailedOpening): ConnectionLostError => {
  const cause = likelyCause({ argv, transport, output: text });
  const lines = [
    joined(`could not ${task} ${label}`, reason, transport),
    summary && `expected a server, received ${countedBytes(summary.bytes)}: "${summary.excerpt}"`,
    cause?.advice,
  ];
  return new ConnectionLostError(lines.filter(line => line !== undefined).join('\n'), transport, {
    startUpOutput: summary,
    likelyCause: cause,
  });
};

/** Composes the error of a connection that ended without `close`. */
export const connectionLost = (
  label: string,
  reason: string | undefined,
  transport: TransportEnd | undefined,
): ConnectionLostError =>
  new ConnectionLostError(joined(`the connection to ${label} was lost`, reason, transport), transport);

const joined = (head: string, reason: string | undefined, transport: TransportEnd | undefined): string =>
  [head, reason && printableLine(reason), transport && describeEnd(transport)]
    .filter(part => part !== undefined)
    .join(': ');

/** Describes the end of a program, with its lines on stderr. */
export const describeEnd = ({ program, errno, exitCode, signal, stderr }: TransportEnd): string => {
  if (errno === 'ENOENT') return `${program} was not found`;
  if (errno !== undefined) return `${program} could not be started (${errno})`;
  const end =
    signal === null ? `${program} exited with code ${exitCode}` : `${program} was killed by ${signal}`;
  return [end, ...stderr.map(line => `  ${printableLine(line)}`)].join('\n');
};

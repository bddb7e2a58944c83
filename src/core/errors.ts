import type { ResponseError } from 'vscode-jsonrpc/node';
import { type LikelyCause, likelyCause } from './likely-cause.ts';
import { countedBytes, type Noise, type NoiseRecord } from './noise.ts';
import { printableLine } from './printable.ts';
import type { TransportEnd } from './transport.ts';

/**
 * The server answered a request with an error, or with something that is no answer to it (`invalidAnswer`).
 *
 * The message and the data are the server's, unchanged: escape them where they are shown.
 */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly method: string;
  /** The JSON-RPC code. */
  readonly code: number;
  /** What kind of error it is, in the words of `docs/errors.md`; callers branch on this. */
  readonly kind: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(method: string, answer: Pick<ResponseError<unknown>, 'code' | 'message' | 'data'>) {
    super(answer.message);
    this.method = method;
    this.code = answer.code;
    this.data = typeof answer.data === 'object' && answer.data !== null ? { ...answer.data } : {};
    this.kind = typeof this.data.kind === 'string' ? this.data.kind : undefined;
  }
}

/**
 * The connection could not be opened or is over, with all that is known of why. What the message repeats of the other
 * side is escaped, so that each of its lines is safe to show.
 */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
  /** How the program that carried the connection ended, if there was one and it has. */
  readonly transport: TransportEnd | undefined;
  /** What came from the other side where a server's first frame should have been; only if none ever came. */
  readonly noise: Noise | undefined;
  /** What probably kept the connection from coming about; only if none ever did, and there are signs. */
  readonly likelyCause: LikelyCause | undefined;

  constructor(
    message: string,
    transport?: TransportEnd,
    { noise, likelyCause }: { noise?: Noise | undefined; likelyCause?: LikelyCause | undefined } = {},
  ) {
    super(message);
    this.transport = transport;
    this.noise = noise;
    this.likelyCause = likelyCause;
  }
}

/** What is known of a connection that was never opened. */
export type FailedOpening = {
  readonly label: string;
  /** What was wrong with what came, or did not come in time. */
  readonly reason: string | undefined;
  readonly noise: NoiseRecord;
  readonly transport: TransportEnd | undefined;
};

/** Composes the error of a connection that did not come about: what happened, what came instead, what to do. */
export const connectionFailed = ({
  label,
  reason,
  noise: { text, summary },
  transport,
}: FailedOpening): ConnectionLostError => {
  const cause = likelyCause({ transport, noise: text });
  const lines = [
    joined(`no connection to ${label}`, reason, transport),
    summary && `in place of an answer came ${countedBytes(summary.bytes)}: "${summary.excerpt}"`,
    cause?.advice,
  ];
  return new ConnectionLostError(lines.filter(line => line !== undefined).join('\n'), transport, {
    noise: summary,
    likelyCause: cause,
  });
};

/** Composes the error of a connection that ended unasked. */
export const connectionLost = (
  label: string,
  reason: string | undefined,
  transport: TransportEnd | undefined,
): ConnectionLostError =>
  new ConnectionLostError(joined(`the connection to ${label} was lost`, reason, transport), transport);

const joined = (what: string, reason: string | undefined, transport: TransportEnd | undefined): string =>
  [what, reason && printableLine(reason), transport && describeEnd(transport)]
    .filter(part => part !== undefined)
    .join(': ');

const describeEnd = ({ program, errno, exitCode, signal, stderr }: TransportEnd): string => {
  if (errno === 'ENOENT') return `${program} was not found`;
  if (errno !== undefined) return `${program} could not be started (${errno})`;
  const end =
    signal === null ? `${program} exited with code ${exitCode}` : `${program} was ended by ${signal}`;
  return [end, ...stderr.map(line => `  ${printableLine(line)}`)].join('\n');
};

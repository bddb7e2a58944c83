import type { ResponseError } from 'vscode-jsonrpc/node';
import type { TransportEnd } from './transport.ts';

/** The server answered a request with an error. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly method: string;
  /** The JSON-RPC code. */
  readonly code: number;
  /** What kind of error it is, in the words of `docs/errors.md`; callers branch on this. */
  readonly kind: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(method: string, answer: ResponseError<unknown>) {
    super(answer.message);
    this.method = method;
    this.code = answer.code;
    this.data = typeof answer.data === 'object' && answer.data !== null ? { ...answer.data } : {};
    this.kind = typeof this.data.kind === 'string' ? this.data.kind : undefined;
  }
}

/** The connection could not be opened or is over, with all that is known of why. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
  /** How the program that carried the connection ended, if there was one and it has. */
  readonly transport: TransportEnd | undefined;

  constructor(message: string, transport?: TransportEnd) {
    super(message);
    this.transport = transport;
  }
}

/** Composes the error of a connection that ended unasked. */
export const connectionLost = (
  label: string,
  opened: boolean,
  reason: string | undefined,
  transport: TransportEnd | undefined,
): ConnectionLostError => {
  const what = opened ? `the connection to ${label} was lost` : `no connection to ${label}`;
  const why = [reason, transport && describeEnd(transport)].filter(part => part !== undefined);
  return new ConnectionLostError([what, ...why].join(': '), transport);
};

const describeEnd = ({ program, errno, exitCode, signal, stderr }: TransportEnd): string => {
  if (errno === 'ENOENT') return `${program} was not found`;
  if (errno !== undefined) return `${program} could not be started (${errno})`;
  const end =
    signal === null ? `${program} exited with code ${exitCode}` : `${program} was ended by ${signal}`;
  return stderr.length === 0 ? end : `${end}\n${stderr.map(line => `  ${line}`).join('\n')}`;
};

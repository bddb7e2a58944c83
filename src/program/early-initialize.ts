import { isUtf8 } from 'node:buffer';
import { fstatSync, readSync, writeSync } from 'node:fs';
import type { Framing } from '../protocol/framing/decoder.ts';
import { encodeFrame } from '../protocol/framing/encode.ts';
import { MAX_FRAME_BYTES, MAX_ID_BYTES, MIN_OUTPUT_WINDOW_BYTES } from '../protocol/limits.ts';
import type { Envelope } from '../protocol/rpc/peer.ts';
import type { ServerArgs } from '../protocol/server-args.ts';
import { announcedLimits } from '../server/announced-limits.ts';
import type { AnsweredInitialize } from '../server/connection/serve.ts';
import { currentHost, type Host } from '../server/environment/host.ts';
import { MEMORY_BYTES } from '../server/memory/limits.ts';
import { MAX_PROCESSES } from '../server/process/limits.ts';
import { findBubblewrap, thisSandboxHost } from '../server/sandbox/bubblewrap.ts';
import { initializeResult } from '../server/session/initialize-result.ts';
import { newSessionId } from '../server/session/session-id.ts';
import { exceedsBytes } from '../shared-config/byte-limit.ts';

/** State of a connection on stdin and stdout when the server is loaded. */
export type Opening = {
  readonly host: Host;
  /** Memory that the connection may use. */
  readonly memoryBytes: number;
  /** True to log each answered request. */
  readonly logCalls: boolean;
  /** Lines for the log about problems of the host. */
  readonly problems: readonly string[];
  /** Bytes that were read from stdin and not processed. */
  readonly unread?: Buffer | undefined;
  readonly answered?: AnsweredInitialize;
  /** Rest of the answer that stdout did not accept. */
  readonly unsent?: Buffer;
};

/**
 * Waits for the first message on stdin and answers it if it is a plain `initialize`: every client waits for the answer,
 * and loading the server takes longer than all steps before. Any other input is left to the server: other messages,
 * several of them, part of one, params that may be invalid.
 *
 * Blocks the process until there is input. Until then a signal has nothing to end in order.
 */
export const openStdio = (env: NodeJS.ProcessEnv, args: ServerArgs): Opening => {
  const { memoryBytes = MEMORY_BYTES, logCalls = false } = args;
  const problems: string[] = [];
  const host = currentHost(env, line => problems.push(line));
  const unread = firstChunk(host.platform);
  const asked = unread && plainInitialize(unread);
  if (asked === undefined) return { host, problems, memoryBytes, logCalls, unread };
  const { message, params, framing } = asked;
  const sessionId = newSessionId();
  const found = findBubblewrap(thisSandboxHost(host.env.PATH, host.platform));
  const result = initializeResult(sessionId, host, {
    limits: announcedLimits({ frameBytes: MAX_FRAME_BYTES, processes: MAX_PROCESSES, memoryBytes }),
    binaryFrames: params.binaryFrames === true && framing === 'contentLength',
    sandboxUnavailable: typeof found === 'string' ? found : undefined,
  });
  const frame = encodeFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: message.id, result })), framing);
  const answered = { message, params, framing, sessionId };
  return { host, problems, memoryBytes, logCalls, answered, unsent: frame.subarray(written(frame)) };
};

const FIRST_CHUNK_BYTES = 16 * 1024;

/** Reads the first bytes of a stdin that is a pipe or a socket; `undefined` if it ends or cannot be read here. */
const firstChunk = (platform: NodeJS.Platform): Buffer | undefined => {
  if (platform === 'win32') return undefined;
  try {
    const stdin = fstatSync(0);
    if (!stdin.isFIFO() && !stdin.isSocket()) return undefined;
    const chunk = Buffer.allocUnsafe(FIRST_CHUNK_BYTES);
    const bytes = readSync(0, chunk);
    return bytes === 0 ? undefined : chunk.subarray(0, bytes);
  } catch {
    // EAGAIN if another process made it non-blocking. The server sees permanent errors again.
    return undefined;
  }
};

/** Parses a chunk that is exactly one `initialize` with plain params; `undefined` for any other. */
export const plainInitialize = (
  chunk: Buffer,
): { readonly message: Envelope; readonly params: Plain; readonly framing: Framing } | undefined => {
  if (!isUtf8(chunk)) return undefined;
  const text = chunk.toString();
  const [, bytes, body] = HEADER_AND_BODY.exec(text) ?? [];
  if (body !== undefined && Buffer.byteLength(body) !== Number(bytes)) return undefined;
  const [, line] = LINE.exec(text) ?? [];
  try {
    const { id, method, params, trace, ...others }: Record<string, unknown> = JSON.parse(body ?? line ?? '');
    if (method !== 'initialize' || !isId(id) || !isPlain(params)) return undefined;
    if (!isFlat(others) || !isFlat(trace ?? {})) return undefined;
    return { message: { id, trace }, params, framing: body === undefined ? 'newline' : 'contentLength' };
  } catch {
    return undefined;
  }
};

const HEADER_AND_BODY = /^Content-Length: (\d+)\r\n\r\n(\{.*\})$/;
const LINE = /^(\{.*\})\n$/;

const isId = (id: unknown): id is string | number => isShort(id) || Number.isSafeInteger(id);

/** Checks that a value is a string within the limit of an id and a client name. */
const isShort = (text: unknown): text is string =>
  typeof text === 'string' && !exceedsBytes(text, MAX_ID_BYTES);

/** Checks that no value is an object: the nesting of messages is limited elsewhere. */
const isFlat = (values: object): boolean =>
  Object.values(values).every(value => typeof value !== 'object' || value === null);

/** The params of `initialize` that are used here. */
type Plain = { readonly binaryFrames?: boolean | null };

/** Checks that the schema of `initialize` certainly accepts these params, and the server does not refuse them. */
const isPlain = (params: unknown): params is Plain => {
  if (typeof params !== 'object' || params === null || Array.isArray(params) || !isFlat(params)) return false;
  const { clientName, binaryFrames, outputWindowBytes, retainedBytes, retainedMs, resumeSessionId } =
    params as Record<string, unknown>;
  return (
    isShort(clientName) &&
    ['boolean', 'undefined'].includes(typeof (binaryFrames ?? undefined)) &&
    isAbsentOrFrom(MIN_OUTPUT_WINDOW_BYTES, outputWindowBytes) &&
    isAbsentOrFrom(0, retainedBytes) &&
    isAbsentOrFrom(0, retainedMs) &&
    (resumeSessionId ?? undefined) === undefined
  );
};

const isAbsentOrFrom = (min: number, value: unknown): boolean =>
  (value ?? undefined) === undefined || (Number.isSafeInteger(value) && (value as number) >= min);

/** Writes as much as stdout accepts without blocking. Returns the number of bytes. */
const written = (frame: Buffer): number => {
  try {
    return writeSync(1, frame);
  } catch {
    // The server sees a broken pipe again when it writes the rest.
    return 0;
  }
};

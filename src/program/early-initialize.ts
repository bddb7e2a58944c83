import { isUtf8 } from 'node:buffer';
import { fstatSync, readSync, writeSync } from 'node:fs';
import type { Framing } from '../protocol/framing/decoder.ts';
import { encodeFrame } from '../protocol/framing/encode.ts';
import type { MessageId } from '../protocol/framing/message-parser.ts';
import { MAX_FRAME_BYTES, MAX_ID_BYTES, MIN_OUTPUT_WINDOW_BYTES } from '../protocol/limits.ts';
import { announcedLimits } from '../server/announced-limits.ts';
import type { AnsweredInitialize } from '../server/connection/serve.ts';
import { currentHost, type Host } from '../server/environment/host.ts';
import { MEMORY_BYTES } from '../server/memory/limits.ts';
import { MAX_PROCESSES } from '../server/process/limits.ts';
import { findBubblewrap, thisSandboxHost } from '../server/sandbox/bubblewrap.ts';
import type { ServerArgs } from '../server/server-args.ts';
import { initializeResult } from '../server/session/initialize-result.ts';
import { newSessionId } from '../server/session/session-id.ts';
import { exceedsBytes } from '../shared-config/byte-limit.ts';

/** How far a connection on stdin and stdout has come by the time that the server is loaded. */
export type Opening = {
  readonly host: Host;
  /** What the connection may hold in memory. */
  readonly memoryBytes: number;
  /** Lines to log about what is missing on the host. */
  readonly problems: readonly string[];
  /** What was read from stdin and nobody has handled. */
  readonly unread?: Buffer | undefined;
  readonly answered?: AnsweredInitialize;
  /** What of the answer stdout has not taken yet. */
  readonly unsent?: Buffer;
};

/**
 * Waits for the first message on stdin and, if it is a plain `initialize`, answers it: every client waits for
 * that, and to load the server takes longer than all that went before. Whatever else comes is left to the
 * server: other messages, more than one, part of one, params that could be wrong.
 *
 * Until something comes nothing else is done, and there is nothing that a signal would have to end in order.
 */
export const openStdio = (env: NodeJS.ProcessEnv, { memoryBytes = MEMORY_BYTES }: ServerArgs): Opening => {
  const problems: string[] = [];
  const host = currentHost(env, line => problems.push(line));
  const unread = firstChunk(host.platform);
  const asked = unread && plainInitialize(unread);
  if (asked === undefined) return { host, problems, memoryBytes, unread };
  const { id, params, framing } = asked;
  const sessionId = newSessionId();
  const found = findBubblewrap(thisSandboxHost(host.env.PATH, host.platform));
  const result = initializeResult(sessionId, host, {
    limits: announcedLimits({ frameBytes: MAX_FRAME_BYTES, processes: MAX_PROCESSES, memoryBytes }),
    binaryFrames: params.binaryFrames === true && framing === 'contentLength',
    sandboxUnavailable: typeof found === 'string' ? found : undefined,
  });
  const frame = encodeFrame(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result })), framing);
  const answered = { params, framing, sessionId };
  return { host, problems, memoryBytes, answered, unsent: frame.subarray(written(frame)) };
};

const FIRST_CHUNK_BYTES = 16 * 1024;

/** What comes first on a stdin that is a pipe or a socket; `undefined` where that ends, or can't be waited for. */
const firstChunk = (platform: NodeJS.Platform): Buffer | undefined => {
  if (platform === 'win32') return undefined;
  try {
    const stdin = fstatSync(0);
    if (!stdin.isFIFO() && !stdin.isSocket()) return undefined;
    const chunk = Buffer.allocUnsafe(FIRST_CHUNK_BYTES);
    const bytes = readSync(0, chunk);
    return bytes === 0 ? undefined : chunk.subarray(0, bytes);
  } catch {
    // EAGAIN where somebody made it non-blocking. Errors that last are met again by who reads on.
    return undefined;
  }
};

/** The request in a chunk that is one `initialize` and nothing else, framed and filled in as clients do it. */
export const plainInitialize = (
  chunk: Buffer,
): { readonly id: MessageId; readonly params: Plain; readonly framing: Framing } | undefined => {
  if (!isUtf8(chunk)) return undefined;
  const text = chunk.toString();
  const [, bytes, body] = HEADER_AND_BODY.exec(text) ?? [];
  if (body !== undefined && Buffer.byteLength(body) !== Number(bytes)) return undefined;
  const [, line] = LINE.exec(text) ?? [];
  try {
    const { id, method, params, ...others }: Record<string, unknown> = JSON.parse(body ?? line ?? '');
    if (method !== 'initialize' || !isId(id) || !isFlat(others) || !isPlain(params)) return undefined;
    return { id, params, framing: body === undefined ? 'newline' : 'contentLength' };
  } catch {
    return undefined;
  }
};

const HEADER_AND_BODY = /^Content-Length: (\d+)\r\n\r\n(\{.*\})$/;
const LINE = /^(\{.*\})\n$/;

const isId = (id: unknown): id is string | number => isShort(id) || Number.isSafeInteger(id);

/** Whether it is text as long as an id and the name of a client may be. */
const isShort = (text: unknown): text is string =>
  typeof text === 'string' && !exceedsBytes(text, MAX_ID_BYTES);

/** Whether nothing is inside of what is in it: how deep a message may go is for others to count. */
const isFlat = (values: object): boolean =>
  Object.values(values).every(value => typeof value !== 'object' || value === null);

/** Params of `initialize`, as far as they are looked at here. */
type Plain = { readonly binaryFrames?: boolean | null };

/** Whether the schema of `initialize` surely takes these params, and nothing in them is refused later. */
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

/** Writes as much as stdout takes at once, and tells how much that was. */
const written = (frame: Buffer): number => {
  try {
    return writeSync(1, frame);
  } catch {
    // A broken pipe, too, is met again by who writes the rest.
    return 0;
  }
};

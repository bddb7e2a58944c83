import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createMessageConnection, Message, NullLogger } from 'vscode-jsonrpc/node';
import type { ExecServerError } from '../../protocol/errors.ts';
import type { MessageId } from '../../protocol/framing/message-parser.ts';
import { FrameMessageReader } from '../../protocol/framing/message-reader.ts';
import { FrameMessageWriter } from '../../protocol/framing/message-writer.ts';
import { MAX_FRAME_BYTES } from '../../protocol/limits.ts';
import { clientNotifications, requests } from '../../protocol/messages.ts';
import { settledWithin } from '../../system/deadline.ts';
import { Watchdog } from '../../system/watchdog.ts';
import { announcedLimits } from '../announced-limits.ts';
import type { Host } from '../environment/host.ts';
import { loginShell } from '../environment/login/ask-shell.ts';
import { BaseEnvs } from '../environment/login/base-env.ts';
import { AnswerMemory } from '../memory/answer-memory.ts';
import { MEMORY_BYTES } from '../memory/limits.ts';
import { type Collector, MemoryBudget } from '../memory/memory-budget.ts';
import { RequestMemory } from '../memory/request-memory.ts';
import { MAX_PROCESSES } from '../process/limits.ts';
import { Processes } from '../process/processes.ts';
import { Sandboxes } from '../sandbox/sandboxes.ts';
import { createBatchHandler } from './batches.ts';
import { createAnswer } from './dispatch.ts';
import { createHandlers } from './handlers.ts';
import { type Answered, Session } from './handshake.ts';
import { Lazy } from './lazy.ts';
import { FLUSH_MS, MAX_BATCH_ANSWER_BYTES, STOP_MS } from './limits.ts';
import { Outbound } from './outbound.ts';
import { PartialAnswers } from './partial-answers.ts';
import { statusReporter } from './status.ts';

/** What a server needs: a pipe in each direction, the host it works on, and somewhere to report. */
export type ServeOptions = {
  readonly input: Readable;
  readonly output: Writable;
  readonly host: Host;
  /** Takes one line for people; never a value of an environment variable. */
  readonly log: (line: string) => void;
  readonly maxFrameBytes?: number;
  /** Processes that aren't closed; a start beyond it is refused. */
  readonly maxProcesses?: number;
  /** What the connection may hold in memory, in bytes; 192 MiB unless given. */
  readonly memoryBytes?: number | undefined;
  /** Collects garbage when the budget is short or the server idle; without it V8 decides alone. */
  readonly collector?: Collector | undefined;
  /** A program, and the file of it that makes a server like this one with `--stdio`; file requests are confined by it. */
  readonly program?: readonly [string, string] | undefined;
  /** How long the account's shell may take to tell its environment, in milliseconds; 10,000 unless given. */
  readonly loginShellMs?: number | undefined;
  /** An `initialize` that came and was answered before; what else comes follows it. */
  readonly answered?: Answered | undefined;
  /** How long this process may take to exit after the connection, in milliseconds; unless given it goes on. */
  readonly exitWithinMs?: number | undefined;
};

/** A server at work on one connection. */
export type Server = {
  /** Resolves with the reason when the connection is over and nothing that was started is left. */
  readonly closed: Promise<string>;
  /** Ends children, sends what is queued, closes. It takes a few seconds at most; twice is harmless. */
  stop(reason: string): Promise<void>;
};

/** Serves one connection until its input ends, its output breaks or `stop` is called. */
export const serve = ({
  input,
  output,
  host,
  log,
  maxFrameBytes = MAX_FRAME_BYTES,
  maxProcesses = MAX_PROCESSES,
  memoryBytes = MEMORY_BYTES,
  collector,
  program,
  loginShellMs,
  answered,
  exitWithinMs,
}: ServeOptions): Server => {
  const writer = new FrameMessageWriter(output);
  const errorAnswer = (error: ExecServerError, id: MessageId) => errorMessage(error, id ?? unknownId(writer));
  const budget = new MemoryBudget(memoryBytes, collector);
  const requestMemory = new RequestMemory(budget, maxFrameBytes, writer, () => reader.proceed());
  const reader: FrameMessageReader = new FrameMessageReader(
    input,
    {
      refused: (error, id) => void writer.write(errorAnswer(error, id)),
      lost: reason => log(`the connection can't be read any further: ${reason}`),
      batch: (batch, begun) => void onBatch(batch, begun),
    },
    {
      maxFrameBytes,
      gate: requestMemory,
      detected: framing => {
        writer.format = { framing, binary: writer.format.binary && framing === 'contentLength' };
      },
    },
  );
  const connection = createMessageConnection(reader, writer, NullLogger, {
    messageStrategy: {
      handleMessage: (message, next) => {
        const handled = next(message);
        // The connection keeps the message until it is answered; its handler has the params by now.
        if (Message.isRequest(message)) Object.assign(message, { params: undefined });
        // A request has taken what it holds; a notification is done.
        requestMemory.dropped();
        reader.dispatched();
        return handled;
      },
    },
  });

  const answers = new AnswerMemory(budget, writer);
  const parts = new PartialAnswers(budget.share('parts'));

  const limits = announcedLimits({ frameBytes: maxFrameBytes, processes: maxProcesses, memoryBytes });
  const session = new Session(answered?.sessionId);
  const outbound = new Outbound(writer);
  const http = new Lazy(async () => {
    const { HttpRequests } = await import('../http/http-requests.ts');
    return new HttpRequests(outbound, answers, parts);
  });
  const watchdog = new Watchdog({ log, platform: host.platform });
  const baseEnvs = new BaseEnvs(host.env, loginShell({ host, watchdog, log, deadlineMs: loginShellMs }));
  const sandboxes: Sandboxes = new Sandboxes(host, () => ({
    hidden: processes.pipeDirectory === undefined ? [] : [processes.pipeDirectory],
    // The program and the code compiled of it, which the next server runs.
    guarded: program === undefined ? [] : [dirname(program[1])],
  }));
  const files = new Lazy(async () => {
    const { createFileService } = await import('../file-service.ts');
    const { platform } = host;
    return createFileService({
      platform,
      outbound,
      answers,
      parts,
      maxFrameBytes,
      sandboxes,
      watchdog,
      program,
    });
  });
  const processes = new Processes({
    host,
    outbound,
    watchdog,
    baseEnvs,
    maxProcesses,
    sandboxes,
    budget,
    answers,
  });
  const status = statusReporter(() => ({
    queuedBytes: writer.queuedBytes,
    processes: processes.count,
    memory: budget.use,
  }));
  const useBinaryFrames = () => {
    const binary = writer.format.framing === 'contentLength';
    writer.format = { ...writer.format, binary };
    return binary;
  };
  const answer = createAnswer(
    createHandlers({
      host,
      session,
      processes,
      baseEnvs,
      http,
      files,
      sandboxes,
      status,
      useBinaryFrames,
      limits,
      answers,
    }),
    session,
    error => log(`internal error: ${describeInternal(error)}`),
    requestMemory,
  );
  const notified = (method: string) => {
    if (method !== clientNotifications.initialized.method) return;
    session.initialized();
    processes.prepare();
  };
  const onBatch = createBatchHandler({
    answer,
    notified,
    errorAnswer,
    send: json => writer.writeBody(json),
    maxBytes: Math.min(maxFrameBytes, MAX_BATCH_ANSWER_BYTES),
    requestMemory,
    answerMemory: budget.share('parts'),
  });
  connection.onRequest(answer);
  connection.onNotification(notified);
  connection.onError(([error]) => log(`the connection broke: ${error.message}`));

  const stopFiles = async () => (await files.ifMade)?.stop();
  let stopping: Promise<void> | undefined;
  const stop = (reason: string): Promise<void> => {
    void http.ifMade?.then(requests => requests.stop());
    stopping ??= settledWithin(processes.stopAll(stopFiles(), exitWithinMs), STOP_MS)
      .then(() => settledWithin(writer.flushed(), FLUSH_MS))
      .then(() => {
        writer.end();
        connection.dispose();
        settleClosed(reason);
      });
    return stopping;
  };
  let settleClosed: (reason: string) => void = () => {};
  const closed = new Promise<string>(resolve => {
    settleClosed = resolve;
  });
  connection.onClose(() => void stop('the connection was closed'));
  if (answered !== undefined) {
    writer.format = { framing: answered.framing, binary: false };
    void answer(requests.initialize.method, answered.params);
  }
  connection.listen();
  return { closed, stop };
};

const errorMessage = (error: ExecServerError, id: MessageId): Message =>
  ({ jsonrpc: '2.0', id, error: { code: error.code, message: error.message, data: error.data } }) as Message;

/** The id of an answer to nobody knows what. The clients that send lines read an id that is a number. */
const unknownId = ({ format }: FrameMessageWriter): MessageId => (format.framing === 'newline' ? -1 : null);

/** An unforeseen error for the log: where it happened. Its message may quote what it choked on, in many lines. */
export const describeInternal = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error;
  const { name, message, stack = '' } = error;
  const [, ...behind] = stack.split(message);
  const frames = behind.join(message).match(/^ +at .*$/gm) ?? [];
  return [name, ...frames.map(frame => frame.trim())].join(' ');
};

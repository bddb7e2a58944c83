import * as z from 'zod/mini';
import { atMostBytes, EnvOverlay, EnvPolicy } from '../shared-config/index.ts';
import { notification, request } from './define.ts';
import { BaseTaken } from './environment.ts';
import {
  Bytes,
  CarriedBytes,
  clientId,
  cString,
  flag,
  maybe,
  milliseconds,
  ProcessId,
  pathText,
  withDefault,
} from './fields.ts';
import { MAX_ARGUMENT_BYTES, MAX_ARGUMENTS, MAX_ARGUMENTS_LENGTH, MAX_HEAD_TAIL_BYTES } from './limits.ts';
import { sandboxField } from './sandbox.ts';

const Seq = z
  .int()
  .check(z.minimum(1), z.describe('One counter per process over output, dropped output, exited and closed.'));

const count = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

/** Where a chunk of output comes from; `pty` carries both streams of a process on a terminal. */
export const OutputStream = z.enum(['stdout', 'stderr', 'pty']);
export type OutputStream = z.output<typeof OutputStream>;

/** Why a process ended: by itself, by a signal from elsewhere, or because this server was asked to end it. */
export const ExitReason = z.enum(['exited', 'signaled', 'timeout', 'terminated']);
export type ExitReason = z.output<typeof ExitReason>;

/** The size of a terminal, in characters. */
export const TerminalSize = z.object({
  columns: z.int().check(z.minimum(1), z.maximum(65535), z.describe('Characters in a line.')),
  rows: z.int().check(z.minimum(1), z.maximum(65535), z.describe('Lines.')),
});
export type TerminalSize = z.output<typeof TerminalSize>;

/** Bytes of each stream. */
export const StreamBytes = z.object({
  stdout: count('Bytes of stdout.'),
  stderr: count('Bytes of stderr.'),
  pty: count('Bytes of its terminal.'),
});
export type StreamBytes = z.output<typeof StreamBytes>;

const OsProcess = z.object({
  pid: z.int().check(z.describe('Its process id on the server.')),
  name: z.string().check(z.describe('The name that the system has for it.')),
});

const argvField = () =>
  z.array(cString().check(atMostBytes(MAX_ARGUMENT_BYTES))).check(
    z.minLength(1),
    z.maxLength(MAX_ARGUMENTS),
    ({ value, issues }) => {
      const length = value.reduce((sum, argument) => sum + argument.length, 0);
      if (length <= MAX_ARGUMENTS_LENGTH) return;
      const message = `expected at most ${MAX_ARGUMENTS_LENGTH} characters in all, received ${length}`;
      issues.push({ code: 'custom', message, input: undefined });
    },
    z.describe('Program and arguments; no shell takes part.'),
  );

/** What would narrow a process and can't be done here: any value is refused. */
const refused = (meaning: string) => maybe(z.unknown().check(z.describe(`${meaning}. Refused.`)));

export const processStart = request('process/start', () => ({
  doc: `Starts a process. The answer means that it runs; \`process/output\` may arrive before it.

Without \`envPolicy\`, \`env\` is the exact environment of the process. With one, the policy starts from the
server's own environment, or from what the account's shell makes of a login, and \`env\` is laid on top.`,
  params: z.object({
    processId: ProcessId,
    argv: argvField(),
    cwd: pathText().check(z.describe('A `file:` URI or an absolute path of the server.')),
    env: withDefault(EnvOverlay, {}),
    envPolicy: maybe(EnvPolicy.check(z.describe('What to take from the environment of the machine.'))),
    tty: flag('Whether to start it on a terminal. Refused where `capabilities.tty` is not `true`.'),
    size: maybe(TerminalSize.check(z.describe('With `tty`: 80 columns and 24 rows unless given.'))),
    pipeStdin: flag(
      'Whether stdin can be written; otherwise it is the null device. On a terminal it always can.',
    ),
    mergeStderr: flag('Whether stderr goes where stdout goes, as one stream in the order of the writes.'),
    arg0: maybe(pathText().check(z.describe('What the program sees as `argv[0]`.'))),
    sandbox: sandboxField('it'),
    enforceManagedNetwork: flag('Whether to manage its network. Refused.'),
    managedNetwork: refused('How to manage its network'),
    networkProxy: refused('The proxy that it may use'),
    credentialProviders: refused('Credentials to hide from it'),
    timeoutMs: maybe(milliseconds('When to end it as `process/terminate` does, with the reason `timeout`.')),
    killGraceMs: maybe(
      milliseconds('The time between SIGTERM and SIGKILL when it is ended: 2,000 unless given.'),
    ),
    drainMs: maybe(
      milliseconds('How long after its exit others may still write to its streams: 2,000 unless given.'),
    ),
    output: withDefault(
      z
        .enum(['lossless', 'headTail'])
        .check(
          z.describe(
            '`lossless`: while the client is not ready for more, the process waits. `headTail`: it never waits, and what is between head and tail is dropped.',
          ),
        ),
      'lossless',
    ),
    maxOutputBytes: maybe(
      z
        .int()
        .check(
          z.minimum(2),
          z.maximum(MAX_HEAD_TAIL_BYTES),
          z.describe('With `headTail`: head and tail together; 1 MiB unless given.'),
        ),
    ),
  }),
  result: z.object({
    processId: ProcessId,
    sandboxType: z
      .string()
      .check(z.describe('`none` when unconfined, `linuxSeccomp` when confined on Linux.')),
    pid: z.int().check(z.describe('Its process id on the server.')),
    environment: z
      .object({
        kept: count('Variables as the server has them.'),
        removed: count('Variables that the policy or a `null` in `env` took away.'),
        set: count('Variables that the policy or `env` gave a value.'),
      })
      .check(z.describe('What became of the names in its environment.')),
    envBase: maybe(
      BaseTaken.check(
        z.describe('What the policy started from, where its `base` is `login` or `loginInteractive`.'),
      ),
    ),
  }),
}));

export const processWrite = request('process/write', () => ({
  doc: `Queues bytes for the stdin of a process, in order. The answer means queued, not read; it waits while
much is queued.`,
  params: z.object({
    processId: ProcessId,
    chunk: CarriedBytes,
    writeId: maybe(clientId('A repeat of the same id writes nothing.')),
  }),
  result: z.object({
    status: z
      .enum(['accepted', 'starting', 'stdinClosed', 'unknownProcess'])
      .check(z.describe('Only `accepted` means that the bytes are queued.')),
  }),
}));

export const processCloseStdin = request('process/closeStdin', () => ({
  doc: `Ends the stdin of a process after what was queued before: it reads end of file. Twice is harmless.`,
  params: z.object({ processId: ProcessId }),
  result: z.object({
    status: z.enum(['accepted', 'unknownProcess']).check(z.describe('Whether there is such a process.')),
  }),
}));

export const processSignal = request('process/signal', () => ({
  doc: 'Sends a signal to a process. Nothing happens for an unknown or closed one.',
  params: z.object({
    processId: ProcessId,
    signal: z
      .string()
      .check(z.maxLength(64), z.describe('`interrupt`, or a POSIX name with or without `SIG`.')),
    target: withDefault(
      z
        .enum(['process', 'group', 'tree'])
        .check(z.describe('The process alone, its process group, or it and all its descendants.')),
      'group',
    ),
  }),
  result: z.object({}),
}));

export const processTerminate = request('process/terminate', () => ({
  doc: `Ends a process: SIGTERM to its group, after \`killGraceMs\` SIGKILL, then SIGKILL to whoever has left
the group and still holds one of its streams. The answer doesn't wait for the end; \`process/exited\` tells it.
A start that still waits for a login shell is called off.`,
  params: z.object({ processId: ProcessId }),
  result: z.object({ running: z.boolean().check(z.describe('Whether it was running when asked.')) }),
}));

export const processResize = request('process/resize', () => ({
  doc: 'Changes the size of the terminal of a process, which gets SIGWINCH.',
  params: z.object({ processId: ProcessId, size: TerminalSize.check(z.describe('The new size.')) }),
  result: z.object({}),
}));

export const processRead = request('process/read', () => ({
  doc: `Reads output again, as far as it is retained, or waits for more. A process can be read until some time
after \`process/closed\`; see \`retainedMs\`.`,
  params: z.object({
    processId: ProcessId,
    afterSeq: withDefault(z.int().check(z.nonnegative(), z.describe('Read what has a greater `seq`.')), 0),
    maxBytes: maybe(z.int().check(z.nonnegative(), z.describe('One chunk is given even if it is longer.'))),
    waitMs: withDefault(
      milliseconds('How long to wait for something new: output, the exit or the close.'),
      0,
    ),
  }),
  result: z.object({
    chunks: z
      .array(
        z.object({
          seq: Seq,
          stream: OutputStream.check(z.describe('Which stream, as in `process/output`.')),
          chunk: Bytes,
        }),
      )
      .check(z.describe('The output, oldest first.')),
    nextSeq: z.int().check(z.describe('Read on with `afterSeq` one less than this.')),
    exited: z.boolean().check(z.describe('Whether the process itself has ended.')),
    exitCode: z.nullable(z.int()).check(z.describe('As in `process/exited`; `null` before.')),
    closed: z.boolean().check(z.describe('Whether nothing more will come.')),
    failure: z.nullable(z.string()).check(z.describe('Always `null`: a start that fails is an error.')),
    sandboxDenied: z
      .boolean()
      .check(z.describe('Whether it failed, by its output likely at the walls of its sandbox.')),
    droppedBytes: count('Output after `afterSeq` that is no longer retained.'),
  }),
}));

export const processAcknowledge = request('process/acknowledge', () => ({
  doc: `Tells that the output of a process was taken in up to \`seq\`, so that more may be sent. Only of use after
\`outputWindowBytes\` in \`initialize\`.`,
  params: z.object({
    processId: ProcessId,
    seq: z.int().check(z.nonnegative(), z.describe('The `seq` of the last `process/output` taken in.')),
  }),
  result: z.object({}),
}));

export const processList = request('process/list', () => ({
  doc: 'Lists the processes of this connection, closed ones too as long as they can be read.',
  params: z.object({}),
  result: z.object({
    processes: z
      .array(
        z.object({
          processId: ProcessId,
          pid: z.int().check(z.describe('Its process id on the server.')),
          argv0: z.string().check(z.describe('The program, as it was started; the first 1,024 characters.')),
          tty: z.boolean().check(z.describe('Whether it is on a terminal.')),
          state: z.enum(['running', 'exited', 'closed']).check(z.describe('How far it is.')),
          exitCode: z.nullable(z.int()).check(z.describe('As in `process/exited`; `null` before.')),
          startedAtMs: z.int().check(z.describe('Milliseconds since the epoch, by the clock of the server.')),
          exitedAtMs: z.nullable(z.int()).check(z.describe('Likewise; `null` before.')),
          bytes: StreamBytes.check(z.describe('Output sent so far.')),
          descendants: z
            .array(OsProcess)
            .check(z.describe('Running processes below it; empty where the system does not tell.')),
        }),
      )
      .check(z.describe('In the order of their starts.')),
  }),
}));

export const processOutput = notification('process/output', () => ({
  doc: 'Bytes that a process wrote, in the order in which it wrote them to each stream.',
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    stream: OutputStream.check(z.describe('Which stream; `pty` is both of a process on a terminal.')),
    chunk: CarriedBytes,
  }),
}));

export const processOutputDropped = notification('process/outputDropped', () => ({
  doc: `Output was dropped at this place in the order of \`seq\`: what lies between head and tail of a process that
was started with \`output: "headTail"\`.`,
  params: z.object({ processId: ProcessId, seq: Seq, bytes: StreamBytes.check(z.describe('How much.')) }),
}));

export const processExited = notification('process/exited', () => ({
  doc: 'The process itself has ended. Its children may still hold its streams, and output may follow.',
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    exitCode: z.int().check(z.describe('Its exit code, or 128+n after signal n.')),
    sandboxDenied: z
      .boolean()
      .check(z.describe('Whether it failed, by its output likely at the walls of its sandbox.')),
    signal: maybe(z.string().check(z.describe('The signal that ended it: `SIGTERM`, …'))),
    reason: withDefault(
      ExitReason.check(
        z.describe(
          '`exited` by itself, `signaled` from elsewhere, ended at its `timeout`, or `terminated` on request.',
        ),
      ),
      'exited',
    ),
  }),
}));

export const processClosed = notification('process/closed', () => ({
  doc: `The last message about a process: it has exited, and its streams have ended or were cut.
Its id is free again.`,
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    bytes: maybe(
      StreamBytes.check(
        z.describe('All that was sent of each stream, so that a client can prove it has everything.'),
      ),
    ),
    holders: maybe(
      z.array(OsProcess).check(z.describe('Who still held its streams when these were cut at `drainMs`.')),
    ),
  }),
}));

/** The requests of this file by wire name. */
export const processRequests = {
  'process/start': processStart,
  'process/write': processWrite,
  'process/closeStdin': processCloseStdin,
  'process/signal': processSignal,
  'process/terminate': processTerminate,
  'process/resize': processResize,
  'process/read': processRead,
  'process/acknowledge': processAcknowledge,
  'process/list': processList,
} as const;

/** The notifications of this file by wire name. */
export const processNotifications = {
  'process/output': processOutput,
  'process/outputDropped': processOutputDropped,
  'process/exited': processExited,
  'process/closed': processClosed,
} as const;

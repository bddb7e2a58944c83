import * as z from 'zod/mini';
import { atMostBytes, EnvOverlay, EnvPolicy } from '../shared-config/index.ts';
import { notification, request } from './define.ts';
import { ResolvedBase } from './environment.ts';
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
import {
  MAX_ARGUMENT_BYTES,
  MAX_ARGUMENTS,
  MAX_ARGUMENTS_LENGTH,
  MAX_HEAD_TAIL_BYTES,
  MAX_ID_BYTES,
  MAX_OUTPUT_WINDOW_BYTES,
  MAX_SCOPE_ID_BYTES,
  MIN_OUTPUT_WINDOW_BYTES,
} from './limits.ts';
import { sandboxField } from './sandbox.ts';

const Seq = z
  .int()
  .check(z.minimum(1), z.describe('One counter per process over output, dropped output, exited and closed.'));

const count = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

/** The stream of a chunk of output; `pty` has both streams of a process on a terminal. */
export const OutputStream = z.enum(['stdout', 'stderr', 'pty']);
export type OutputStream = z.output<typeof OutputStream>;

/** The reason why a process ended: by itself, by a signal of another process, at its time limit, or on request. */
export const ExitReason = z.enum(['exited', 'signaled', 'timeout', 'terminated']);
export type ExitReason = z.output<typeof ExitReason>;

/** The size of a terminal, in characters. */
export const TerminalSize = z.object({
  columns: z.int().check(z.minimum(1), z.maximum(65535), z.describe('Characters per line.')),
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

/** A process of the operating system. */
export const OsProcess = z.object({
  pid: z.int().check(z.describe('Its process id on the server.')),
  name: z.string().check(z.describe('Its name in the process table.')),
});

const argvField = () =>
  z.array(cString().check(atMostBytes(MAX_ARGUMENT_BYTES))).check(
    z.minLength(1),
    z.maxLength(MAX_ARGUMENTS),
    ({ value, issues }) => {
      if (value[0] !== '') return;
      issues.push({
        code: 'custom',
        path: [0],
        message: 'expected a program, received ""',
        input: undefined,
      });
    },
    ({ value, issues }) => {
      const length = value.reduce((sum, argument) => sum + argument.length, 0);
      if (length <= MAX_ARGUMENTS_LENGTH) return;
      const message = `expected at most ${MAX_ARGUMENTS_LENGTH} characters in all, received ${length}`;
      issues.push({ code: 'custom', message, input: undefined });
    },
    z.describe('Program and arguments, run without a shell.'),
  );

const originId = (meaning: string) => maybe(cString().check(atMostBytes(MAX_ID_BYTES), z.describe(meaning)));

/** The part of a conversation that a process belongs to. */
const ProcessMetadata = z.object({
  threadId: originId('The conversation: `CODEX_THREAD_ID`.'),
  toolCallId: originId('The tool call: `CODEX_TOOL_CALL_ID`.'),
});

/** A restriction of a process that this server does not support: any value is refused. */
const refused = (meaning: string) => maybe(z.unknown().check(z.describe(`${meaning}. Refused.`)));

export const processStart = request('process/start', () => ({
  doc: `Starts a process. The answer means that it is running; \`process/output\` may arrive before it.

Without \`envPolicy\`, \`env\` is the exact environment of the process. With one, the policy is applied to the
server's own environment, or to that of the account's login shell, and then \`env\` is applied.`,
  params: z.object({
    processId: ProcessId,
    argv: argvField(),
    cwd: pathText().check(z.describe('A `file:` URI or an absolute path of the server.')),
    env: withDefault(EnvOverlay, {}),
    envPolicy: maybe(EnvPolicy.check(z.describe('The policy for the environment of the machine.'))),
    metadata: maybe(
      ProcessMetadata.check(
        z.describe(
          'The origin of the process. It alone decides about `CODEX_THREAD_ID` and `CODEX_TOOL_CALL_ID`, and removes the one that it lacks.',
        ),
      ),
    ),
    tty: flag('True to start it on a terminal. Refused unless `capabilities.tty` is `true`.'),
    size: maybe(TerminalSize.check(z.describe('With `tty`: its size. Default: 80 columns and 24 rows.'))),
    pipeStdin: flag(
      'True to keep stdin open for `process/write`; otherwise it is the null device. A terminal always has stdin.',
    ),
    mergeStderr: flag('True to write stderr to the stream of stdout, in the order of the writes.'),
    arg0: maybe(pathText().check(z.describe('The `argv[0]` of the program.'))),
    shellSnapshot: maybe(
      z
        .object({
          scopeId: z
            .string()
            .check(
              z.minLength(1),
              atMostBytes(MAX_SCOPE_ID_BYTES),
              z.describe("The client's id of the commands that share a snapshot: up to 256 bytes."),
            ),
          shell: z
            .object({
              name: z.string().check(z.describe('`bash`, `zsh` or `sh`; others have no snapshots.')),
              path: pathText().check(z.describe('Its path, as in `argv`.')),
            })
            .check(z.describe('The shell of the command.')),
        })
        .check(
          z.describe(
            'With `argv` of a login shell (`bash -lc COMMAND`): run the start-up files once, and restore what they did for each command.',
          ),
        ),
    ),
    sandbox: sandboxField('the process'),
    enforceManagedNetwork: flag('True to manage its network. Refused.'),
    managedNetwork: refused('The managed network'),
    networkProxy: refused('The proxy that it may use'),
    credentialProviders: refused('Credentials to hide from it'),
    timeoutMs: maybe(
      milliseconds('Time limit, after which it is terminated with the reason `timeout`. Default: none.'),
    ),
    killGraceMs: maybe(
      milliseconds('Time from the first signal to SIGKILL when it is terminated. Default: 2,000.'),
    ),
    drainMs: maybe(
      milliseconds('Time after its exit in which other processes may write to its streams. Default: 2,000.'),
    ),
    output: withDefault(
      z
        .enum(['lossless', 'headTail'])
        .check(
          z.describe(
            '`lossless`: the process blocks while the client is not ready for more. `headTail`: it never blocks; output between head and tail is dropped.',
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
          z.describe('With `headTail`: size of head and tail together. Default: 1 MiB.'),
        ),
    ),
  }),
  result: z.object({
    processId: ProcessId,
    sandboxType: z
      .string()
      .check(z.describe('`none` without a sandbox, `linuxSeccomp` in a sandbox on Linux.')),
    pid: z.int().check(z.describe('Its process id on the server.')),
    environment: z
      .object({
        kept: count('Variables kept from the base.'),
        removed: count('Variables removed by the policy or by a `null` in `env`.'),
        set: count('Variables set by the policy or by `env`.'),
      })
      .check(z.describe('Counts of the names in its environment.')),
    envBase: maybe(
      ResolvedBase.check(z.describe('The base of the policy, if that is `login` or `loginInteractive`.')),
    ),
  }),
}));

export const processWrite = request('process/write', () => ({
  doc: `Queues bytes for the stdin of a process, in order. The answer means queued, not read; it is delayed while
much is queued.`,
  params: z.object({
    processId: ProcessId,
    chunk: CarriedBytes,
    writeId: maybe(clientId('An id of this write; a repeated id writes nothing.')),
  }),
  result: z.object({
    status: z
      .enum(['accepted', 'starting', 'stdinClosed', 'unknownProcess'])
      .check(z.describe('Only `accepted` means that the bytes are queued.')),
  }),
}));

export const processCloseStdin = request('process/closeStdin', () => ({
  doc: 'Ends the stdin of a process after the queued bytes: it then reads end of file. Idempotent.',
  params: z.object({ processId: ProcessId }),
  result: z.object({
    status: z
      .enum(['accepted', 'unknownProcess'])
      .check(z.describe('`accepted` if there is such a process.')),
  }),
}));

export const processSignal = request('process/signal', () => ({
  doc: 'Sends a signal to a process. No effect for an unknown or closed one.',
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
  doc: `Ends a process: SIGTERM to its group, on a terminal after SIGHUP, SIGKILL after \`killGraceMs\`, then
SIGKILL to processes outside the group that hold one of its streams. The answer does not wait for the end; \`process/exited\` reports it. A start that is
still waiting for a login shell is cancelled.`,
  params: z.object({ processId: ProcessId }),
  result: z.object({ running: z.boolean().check(z.describe('True if it was running.')) }),
}));

export const processResize = request('process/resize', () => ({
  doc: 'Changes the size of the terminal of a process, which receives SIGWINCH.',
  params: z.object({ processId: ProcessId, size: TerminalSize.check(z.describe('The new size.')) }),
  result: z.object({}),
}));

export const processRead = request('process/read', () => ({
  doc: `Reads retained output again, or waits for more. A process can be read until \`retainedMs\` after
\`process/closed\`.`,
  params: z.object({
    processId: ProcessId,
    afterSeq: withDefault(z.int().check(z.nonnegative(), z.describe('Read output with a greater `seq`.')), 0),
    maxBytes: maybe(
      z
        .int()
        .check(
          z.nonnegative(),
          z.describe('Limit of the output; one chunk is returned even if it is longer.'),
        ),
    ),
    waitMs: withDefault(milliseconds('Time to wait for output, the exit or the close.'), 0),
  }),
  result: z.object({
    chunks: z
      .array(
        z.object({
          seq: Seq,
          stream: OutputStream.check(z.describe('The stream, as in `process/output`.')),
          chunk: Bytes,
        }),
      )
      .check(z.describe('The output, oldest first.')),
    nextSeq: z.int().check(z.describe('Continue with `afterSeq` one less than this.')),
    exited: z.boolean().check(z.describe('True if the process itself has exited.')),
    exitCode: z.nullable(z.int()).check(z.describe('As in `process/exited`; `null` before.')),
    closed: z.boolean().check(z.describe('True if nothing more will follow.')),
    failure: z.nullable(z.string()).check(z.describe('Always `null`: a failed start is an error.')),
    sandboxDenied: z
      .boolean()
      .check(z.describe('True if it failed, and its output suggests that its sandbox denied something.')),
    droppedBytes: count('Output after `afterSeq` that is no longer retained.'),
  }),
}));

export const processAcknowledge = request('process/acknowledge', () => ({
  doc: `Acknowledges the output of a process up to \`seq\`, so that the server may send more, and may change its window.
Needed only with \`outputWindowBytes\` in \`initialize\`.`,
  params: z.object({
    processId: ProcessId,
    seq: z.int().check(z.nonnegative(), z.describe('The `seq` of the last `process/output` processed.')),
    windowBytes: maybe(
      z
        .int()
        .check(
          z.minimum(MIN_OUTPUT_WINDOW_BYTES),
          z.maximum(MAX_OUTPUT_WINDOW_BYTES),
          z.describe(
            'New limit of the unacknowledged output of this process. Supported if `initialize` announces the limit `outputWindowBytes`, its maximum.',
          ),
        ),
    ),
  }),
  result: z.object({}),
}));

export const processList = request('process/list', () => ({
  doc: 'Lists the processes of this connection, including closed ones that can still be read.',
  params: z.object({}),
  result: z.object({
    processes: z
      .array(
        z.object({
          processId: ProcessId,
          pid: z.int().check(z.describe('Its process id on the server.')),
          argv0: z.string().check(z.describe('The program as given in `argv`; its first 1,024 characters.')),
          tty: z.boolean().check(z.describe('True if it is on a terminal.')),
          state: z.enum(['running', 'exited', 'closed']).check(z.describe('Its state.')),
          exitCode: z.nullable(z.int()).check(z.describe('As in `process/exited`; `null` before.')),
          startedAtMs: z.int().check(z.describe('Milliseconds since the epoch, by the clock of the server.')),
          exitedAtMs: z.nullable(z.int()).check(z.describe('The time of its exit; `null` before.')),
          bytes: StreamBytes.check(z.describe('Output sent so far.')),
          descendants: z
            .array(OsProcess)
            .check(z.describe('Its running descendants; empty where the system does not report them.')),
        }),
      )
      .check(z.describe('The processes, in the order of their starts.')),
  }),
}));

export const processOutput = notification('process/output', () => ({
  doc: 'Output of a process, in the order in which it was written to each stream.',
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    stream: OutputStream.check(z.describe('The stream; `pty` is both streams of a process on a terminal.')),
    chunk: CarriedBytes,
  }),
}));

export const processOutputDropped = notification('process/outputDropped', () => ({
  doc: `Output was dropped at this point in the order of \`seq\`: the part between head and tail of a process with
\`output: "headTail"\`.`,
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    bytes: StreamBytes.check(z.describe('The number of dropped bytes.')),
  }),
}));

export const processExited = notification('process/exited', () => ({
  doc: 'The process itself has exited. Its children may still hold its streams, and output may follow.',
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    exitCode: z.int().check(z.describe('Its exit code, or 128+n after signal n.')),
    sandboxDenied: z
      .boolean()
      .check(z.describe('True if it failed, and its output suggests that its sandbox denied something.')),
    signal: maybe(z.string().check(z.describe('The signal that ended it: `SIGTERM`, …'))),
    reason: withDefault(
      ExitReason.check(
        z.describe(
          '`exited` by itself, `signaled` by another process, `timeout`, or `terminated` on request.',
        ),
      ),
      'exited',
    ),
  }),
}));

export const processClosed = notification('process/closed', () => ({
  doc: `The last message about a process: it has exited, and its streams have ended or were cut. Its id may be
reused.`,
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    bytes: maybe(
      StreamBytes.check(
        z.describe('All bytes of each stream, so that a client can verify that it received everything.'),
      ),
    ),
    holders: maybe(
      z
        .array(OsProcess)
        .check(z.describe('The processes that held its streams when these were cut after `drainMs`.')),
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

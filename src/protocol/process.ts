import * as z from 'zod/mini';
import { EnvOverlay, EnvPolicy } from '../shared-config/index.ts';
import { notification, request } from './define.ts';
import { Bytes, cString, flag, maybe, ProcessId, withDefault } from './fields.ts';
import { MAX_ID_LENGTH } from './limits.ts';

const Seq = z
  .int()
  .check(z.minimum(1), z.describe('One counter per process over output, exited and closed.'));

const count = (meaning: string) => z.int().check(z.nonnegative(), z.describe(meaning));

/** Where a chunk of output comes from; `pty` carries both streams of a process on a terminal. */
export const OutputStream = z.enum(['stdout', 'stderr', 'pty']);
export type OutputStream = z.output<typeof OutputStream>;

/** Why a process ended: by itself, by a signal from elsewhere, or because this server was asked to end it. */
export const ExitReason = z.enum(['exited', 'signaled', 'timeout', 'terminated']);
export type ExitReason = z.output<typeof ExitReason>;

export const processStart = request('process/start', {
  doc: `Starts a process. The answer means that it runs; \`process/output\` may arrive before it.

Without \`envPolicy\`, \`env\` is the exact environment of the process. With one, the server's own
environment is what the policy starts from, and \`env\` is laid on top.`,
  params: z.object({
    processId: ProcessId,
    argv: z.array(cString()).check(z.minLength(1), z.describe('Program and arguments; no shell takes part.')),
    cwd: cString().check(z.describe('A `file:` URI or an absolute path of the server.')),
    env: withDefault(EnvOverlay, {}),
    envPolicy: maybe(EnvPolicy.check(z.describe("What to take from the server's own environment."))),
    tty: flag('Whether to start it on a terminal. Refused where `capabilities.tty` is not `true`.'),
    pipeStdin: flag('Whether stdin can be written; otherwise it is the null device.'),
    arg0: maybe(cString().check(z.describe('What the program sees as `argv[0]`.'))),
    sandbox: maybe(
      z
        .unknown()
        .check(z.describe('What to confine it to. Refused where `capabilities.sandbox` is not `true`.')),
    ),
    enforceManagedNetwork: flag('Whether to confine its network. Refused like `sandbox`.'),
  }),
  result: z.object({
    processId: ProcessId,
    sandboxType: z.string().check(z.describe('`none` when unconfined.')),
    pid: z.int().check(z.describe('Its process id on the server.')),
    environment: z
      .object({
        kept: count('Variables as the server has them.'),
        removed: count('Variables that the policy or a `null` in `env` took away.'),
        set: count('Variables that the policy or `env` gave a value.'),
      })
      .check(z.describe('What became of the names in its environment.')),
  }),
});

export const processWrite = request('process/write', {
  doc: `Queues bytes for the stdin of a process, in order. The answer means queued, not read; it waits while
much is queued.`,
  params: z.object({
    processId: ProcessId,
    chunk: Bytes,
    writeId: maybe(
      z.string().check(z.maxLength(MAX_ID_LENGTH), z.describe('A repeat of the same id writes nothing.')),
    ),
  }),
  result: z.object({
    status: z
      .enum(['accepted', 'starting', 'stdinClosed', 'unknownProcess'])
      .check(z.describe('Only `accepted` means that the bytes are queued.')),
  }),
});

export const processCloseStdin = request('process/closeStdin', {
  doc: `Ends the stdin of a process after what was queued before: it reads end of file. Twice is harmless.`,
  params: z.object({ processId: ProcessId }),
  result: z.object({
    status: z.enum(['accepted', 'unknownProcess']).check(z.describe('Whether there is such a process.')),
  }),
});

export const processSignal = request('process/signal', {
  doc: 'Sends a signal to the process group of a process. Nothing happens for an unknown or closed one.',
  params: z.object({
    processId: ProcessId,
    signal: z.string().check(z.describe('`interrupt`, or a POSIX name with or without `SIG`.')),
  }),
  result: z.object({}),
});

export const processTerminate = request('process/terminate', {
  doc: `Ends a process: SIGTERM to its group and, where that doesn't help, SIGKILL. The answer doesn't wait
for the end; \`process/exited\` tells it.`,
  params: z.object({ processId: ProcessId }),
  result: z.object({ running: z.boolean().check(z.describe('Whether it was running when asked.')) }),
});

export const processOutput = notification('process/output', {
  doc: 'Bytes that a process wrote, in the order in which it wrote them to each stream.',
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    stream: OutputStream.check(z.describe('Which stream; `pty` is both of a process on a terminal.')),
    chunk: Bytes,
  }),
});

export const processExited = notification('process/exited', {
  doc: 'The process itself has ended. Its children may still hold its streams, and output may follow.',
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    exitCode: z.int().check(z.describe('Its exit code, or 128+n after signal n.')),
    sandboxDenied: z.boolean().check(z.describe('Whether it failed at the walls of its sandbox.')),
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
});

export const processClosed = notification('process/closed', {
  doc: `The last message about a process: it has exited and its streams have ended. Its id is free again.`,
  params: z.object({
    processId: ProcessId,
    seq: Seq,
    bytes: maybe(
      z
        .object({
          stdout: count('Bytes of stdout.'),
          stderr: count('Bytes of stderr.'),
          pty: count('Bytes of its terminal.'),
        })
        .check(z.describe('All that was sent of each stream, so that a client can prove it has everything.')),
    ),
  }),
});

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Deadline, deadline, settledWithin, startTimer } from '../../../system/deadline.ts';
import { shortageOf } from '../../../system/shortage.ts';
import type { Watchdog } from '../../../system/watchdog.ts';
import { endSession, isEmpty, type ShellSession, sessionOf } from './end-session.ts';
import { LOGIN_SHELL_EXIT_MS, LOGIN_SHELL_GRACE_MS } from './limits.ts';
import { keepSession } from './session-keeper.ts';
import { type ShellStart, type StartedShell, spawnShell } from './spawn-shell.ts';

/** The reason why a shell gave no answer, for the user; it names variables at most, never a value. */
export type NoAnswer = {
  readonly reason: string;
  /** True if the next attempt may succeed. */
  readonly transient?: boolean;
};

/** A run of a shell for an answer that it prints. Neither promise rejects. */
export type ShellRun<Answer> = {
  /** The shell, unless it could not be started. */
  readonly pid: number | undefined;
  /** Resolves when the shell has answered or cannot answer any more. */
  readonly answer: Promise<Answer | NoAnswer>;
  /** Resolves when the shell and its session have ended, or after an abort when another process will end them. */
  readonly gone: Promise<void>;
};

/** Facilities of the server that a run uses. */
export type ShellRunContext = {
  readonly platform: NodeJS.Platform;
  readonly tempDir: string;
  readonly watchdog: Watchdog;
};

export type ShellRunOptions<Answer> = {
  readonly start: ShellStart;
  /** Its name in messages. */
  readonly name: string;
  /** Command on its stdin; `undefined` for the null device. */
  readonly stdin: string | undefined;
  /** Finds the answer in its output. */
  readonly reader: { push(chunk: Buffer): Answer | { readonly reason: string } | undefined };
  /** A word for the answer: `environment`. */
  readonly printed: string;
  readonly deadlineMs: number;
  /** Ends the wait for the answer, with this reason in it. The shell has the rest of its time. */
  readonly signal: AbortSignal;
};

/**
 * Runs a shell as the leader of its own session until it has printed its answer.
 *
 * After its answer the shell has a moment to exit by itself. Then the rest of its session is ended as by a closing
 * terminal; a daemon, which has its own session, continues. A shell that does not answer is ended with its session and all
 * processes that hold its stdout.
 *
 * Its start-up files are the user's, and may hold a lock at any moment. So no shell is killed without a warning, and one
 * that runs when the connection ends has the rest of its time: another process waits for it then.
 */
export const runShell = <Answer extends object>(
  { start, name, stdin, reader, printed, deadlineMs, signal }: ShellRunOptions<Answer>,
  { platform, tempDir, watchdog }: ShellRunContext,
): ShellRun<Answer> => {
  if (signal.aborted) return notRun({ reason: CONNECTION_ENDED });
  // Running before the shell is, so that it learns of the shell by one write.
  watchdog.start();
  const child = spawnShell(start, stdin, tempDir);
  if (!('pid' in child)) return notRun(child.failed.then(errno => startFailure(start.program, errno)));
  watchdog.add(child.pid);
  const session = sessionOf(child.pid, () => hasExited(child), platform);
  const timeToAnswer = deadline(deadlineMs);
  const answer = readAnswer(child, { reader, name, printed, deadlineMs, signal });
  return {
    pid: child.pid,
    answer,
    gone: answer.then(async answered => {
      const hasAnswered = !('reason' in answered);
      const time = hasAnswered ? deadline(LOGIN_SHELL_EXIT_MS) : timeToAnswer;
      if (hasAnswered) await settledWithin(exitOf(child), time.remainingMs, signal);
      await endShell(child, session, { hasAnswered, signal, time });
      watchdog.remove(child.pid);
    }),
  };
};

const CONNECTION_ENDED = 'the connection has ended';

/** The run of a shell that was not started. */
export const notRun = <Answer>(failure: NoAnswer | Promise<NoAnswer>): ShellRun<Answer> => {
  const answer = Promise.resolve(failure);
  return { pid: undefined, answer, gone: answer.then(() => {}) };
};

const startFailure = (program: string, errno: string): NoAnswer => ({
  reason: `cannot start ${program}: ${errno}`,
  ...(shortageOf({ code: errno }) !== undefined && { transient: true }),
});

/** Reads stdout until it has the answer, the shell exits or the deadline passes. */
const readAnswer = <Answer extends object>(
  child: StartedShell,
  {
    reader,
    name,
    printed,
    deadlineMs,
    signal,
  }: Pick<ShellRunOptions<Answer>, 'reader' | 'name' | 'printed' | 'deadlineMs' | 'signal'>,
): Promise<Answer | NoAnswer> =>
  new Promise(resolve => {
    const settle = (answer: Answer | NoAnswer) => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      child.off('exit', onExit);
      child.stdout.removeAllListeners('data');
      // Keep draining stdout, so that a logout message cannot raise SIGPIPE.
      child.stdout.resume();
      resolve(answer);
    };
    const onAbort = () => settle({ reason: CONNECTION_ENDED });
    const onExit = (code: number | null, killedBy: NodeJS.Signals | null) => {
      const end = killedBy === null ? `exited with code ${code}` : `was killed by ${killedBy}`;
      const reason = `${name} ${end} without printing its ${printed}${code === 126 || code === 127 ? NOT_RUN : ''}`;
      // Its last output may still arrive, and other processes may hold the stream open forever.
      startTimer(LAST_OUTPUT_MS, () => settle({ reason }));
    };
    const timer = startTimer(deadlineMs, () =>
      settle({ reason: `${name} did not answer within ${deadlineMs} ms` }),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('exit', onExit);
    child.stdout.on('data', (chunk: Buffer) => {
      const answer = reader.push(chunk);
      if (answer === undefined) return;
      settle(
        'reason' in answer
          ? { reason: `${name} printed no usable ${printed}: ${answer.reason}` }
          : (answer as Answer),
      );
    });
  });

const LAST_OUTPUT_MS = 50;

// Codes of a shell for a program that it cannot run.
const NOT_RUN =
  ': it cannot run /usr/bin/env, as if its files export a variable of 128 KiB or more, or too many variables';

type EndOptions = {
  readonly hasAnswered: boolean;
  /** Aborts when the connection ends. */
  readonly signal: AbortSignal;
  /** Time of the shell to exit by itself. */
  readonly time: Deadline;
};

const endShell = async (
  child: StartedShell,
  session: ShellSession,
  { hasAnswered, signal, time }: EndOptions,
): Promise<void> => {
  const stdoutEnded = () => hasAnswered || child.stdout.readableEnded;
  const options = { graceMs: LOGIN_SHELL_GRACE_MS, stdoutEnded };
  if (!signal.aborted) await endSession(session, { ...options, signal });
  if (signal.aborted && !(await isEmpty(session))) {
    const times = { leftMs: time.remainingMs, graceMs: LOGIN_SHELL_GRACE_MS };
    if (keepSession(session, child.stdout, times)) child.unref();
    else await endSession(session, options);
  } else await settledWithin(exitOf(child), LOGIN_SHELL_GRACE_MS, signal);
  child.stdout.destroy();
};

const exitOf = async (child: ChildProcess): Promise<void> => {
  if (!hasExited(child)) await once(child, 'exit');
};

const hasExited = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { Env } from '../../../shared-config/index.ts';
import { type Deadline, deadline, settledWithin, startTimer } from '../../../system/deadline.ts';
import { descendantsOf, readProcessTable } from '../../../system/process-table.ts';
import { shortageOf } from '../../../system/shortage.ts';
import type { Watchdog } from '../../../system/watchdog.ts';
import type { Host } from '../host.ts';
import { endSession, isEmpty, type ShellSession, sessionOf } from './end-session.ts';
import {
  LOGIN_SHELL_EXIT_MS,
  LOGIN_SHELL_GRACE_MS,
  LOGIN_SHELL_MS,
  LOGIN_SHELL_REPORT_MS,
  MAX_REPORTED_PROCESSES,
} from './limits.ts';
import { environmentOf, isOfShell, type LoginBase, loginStart } from './login-start.ts';
import { keepSession } from './session-keeper.ts';
import { newQuestion, type OmittedVariable, type ShellAnswer, ShellAnswerReader } from './shell-answer.ts';
import { type StartedShell, spawnShell } from './spawn-shell.ts';

/** Result of running a login shell. The reason is for the user; it names variables at most, never a value. */
export type ShellOutcome =
  | { readonly env: Env; readonly omitted?: readonly OmittedVariable[] }
  /** `transient`: the next attempt may succeed. */
  | { readonly reason: string; readonly transient?: boolean };

/** One run of a login shell. Neither promise rejects. */
export type ShellRun = {
  /** Resolves when the shell has answered or cannot answer any more. */
  readonly outcome: Promise<ShellOutcome>;
  /** Resolves when the shell and its session have ended, or after an abort when another process will end them. */
  readonly gone: Promise<void>;
};

/** Runs the login shell for a base. An abort ends the wait for it; the shell has the rest of its time. */
export type AskShell = (base: LoginBase, signal: AbortSignal) => ShellRun;

/** A login shell that has not answered for a while. */
export type SlowShell = {
  readonly base: LoginBase;
  readonly shell: string;
  readonly waitedMs: number;
  /** Time after which it is ended. */
  readonly limitMs: number;
  /** Names of the processes that its start-up files run. */
  readonly running: readonly string[];
};

export type LoginShellOptions = {
  readonly host: Host;
  readonly watchdog: Watchdog;
  /** Receives one line for the user for each variable that is ignored; never a value. */
  readonly log: (line: string) => void;
  /** Called once for a shell that takes long. */
  readonly onSlow?: (slow: SlowShell) => void;
  /** Time after which a shell without an answer is ended, in milliseconds. */
  readonly deadlineMs?: number | undefined;
};

/**
 * Creates the function that asks the login shell of a host for its environment.
 *
 * The shell starts as at a login: as leader of its own session, in the home directory, with the variables that a login
 * sets. It receives its command twice, by `-c` and on stdin: if a start-up file replaces the shell by another one (`exec
 * zsh -l`), `-c` is lost, and the new shell reads the command from stdin.
 *
 * After its answer the shell has a moment to exit by itself. Then the rest of its session is ended as by a closing
 * terminal; a daemon, which has its own session, continues. A shell that does not answer is ended with its session and all
 * processes that hold its stdout.
 *
 * Its start-up files are the user's, and may hold a lock at any moment. So no shell is killed without a warning, and one
 * that runs when the connection ends has the rest of its time: another process waits for it then.
 */
export const loginShell =
  ({ host, watchdog, log, onSlow = () => {}, deadlineMs = LOGIN_SHELL_MS }: LoginShellOptions): AskShell =>
  (base, signal) => {
    if (host.loginShell === undefined) return notRun({ reason: 'there is no login shell on Windows' });
    if (signal.aborted) return notRun({ reason: CONNECTION_ENDED });
    const question = newQuestion();
    const start = loginStart(host.loginShell, host, base === 'loginInteractive', question.command);
    // Running before the shell is, so that it learns of the shell by one write.
    watchdog.start();
    const child = spawnShell(start, question.command, host.tempDir);
    if (!('pid' in child)) {
      return notRun(
        child.failed.then(errno => ({
          reason: `cannot start ${start.program}: ${errno}`,
          ...(shortageOf({ code: errno }) !== undefined && { transient: true }),
        })),
      );
    }
    watchdog.add(child.pid);
    const name = basename(start.program);
    const session = sessionOf(child.pid, () => hasExited(child), host.platform);
    const timeToAnswer = deadline(deadlineMs);
    const answer = readAnswer(child, new ShellAnswerReader(question), name, deadlineMs, signal);
    void settledWithin(answer, LOGIN_SHELL_REPORT_MS).then(async end => {
      if (end !== 'late') return;
      const running = await descendantNames(child.pid, host.platform);
      onSlow({ base, shell: start.program, waitedMs: LOGIN_SHELL_REPORT_MS, limitMs: deadlineMs, running });
    });
    return {
      outcome: answer.then(answered => {
        if ('reason' in answered) return answered;
        const omitted = answered.omitted.filter(({ name }) => !isOfShell(name));
        for (const variable of omitted) {
          log(`ignoring environment variable ${variable.name} of ${name}: it ${variable.reason}`);
        }
        return { env: environmentOf(answered.env, host.env), omitted };
      }),
      gone: answer.then(async answered => {
        const hasAnswered = 'env' in answered;
        const time = hasAnswered ? deadline(LOGIN_SHELL_EXIT_MS) : timeToAnswer;
        if (hasAnswered) await settledWithin(exitOf(child), time.remainingMs, signal);
        await endShell(child, session, { hasAnswered, signal, time });
        watchdog.remove(child.pid);
      }),
    };
  };

/** Names of the descendants of a process, some of them if there are many, with other characters than ASCII replaced. */
const descendantNames = async (pid: number, platform: NodeJS.Platform): Promise<string[]> => {
  const table = (await readProcessTable(platform)) ?? new Map();
  const names = descendantsOf(pid, table).map(child => table.get(child)?.name ?? '');
  const printable = names.map(name => name.replace(/[^ -~]/g, '?')).filter(name => name !== '');
  return [...new Set(printable)].slice(0, MAX_REPORTED_PROCESSES);
};

const CONNECTION_ENDED = 'the connection has ended';

const notRun = (failure: ShellOutcome | Promise<ShellOutcome>): ShellRun => {
  const outcome = Promise.resolve(failure);
  return { outcome, gone: outcome.then(() => {}) };
};

/** Reads stdout until it has the answer, the shell exits or the deadline passes. */
const readAnswer = (
  child: StartedShell,
  reader: ShellAnswerReader,
  name: string,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<ShellAnswer> =>
  new Promise(resolve => {
    const settle = (answer: ShellAnswer) => {
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
      const reason = `${name} ${end} without printing its environment`;
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
        'env' in answer ? answer : { reason: `${name} printed no usable environment: ${answer.reason}` },
      );
    });
  });

const LAST_OUTPUT_MS = 50;

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

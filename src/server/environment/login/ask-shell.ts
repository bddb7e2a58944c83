import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { Env } from '../../../shared-config/index.ts';
import { settledWithin, startTimer } from '../../../system/deadline.ts';
import { shortageOf } from '../../../system/shortage.ts';
import type { Watchdog } from '../../../system/watchdog.ts';
import type { Host } from '../host.ts';
import { hangUp, killSession, type ShellSession, sessionOf } from './end-session.ts';
import { LOGIN_SHELL_EXIT_MS, LOGIN_SHELL_GRACE_MS, LOGIN_SHELL_MS } from './limits.ts';
import { environmentOf, loginStart } from './login-start.ts';
import { newQuestion, type ShellAnswer, ShellAnswerReader } from './shell-answer.ts';
import { type StartedShell, spawnShell } from './spawn-shell.ts';

/** What came of running a login shell. The reason is for people and holds names at most, never a value. */
export type ShellOutcome =
  | { readonly env: Env }
  /** `passing`: it may succeed the next time. */
  | { readonly reason: string; readonly passing?: boolean };

/** One run of a login shell. Neither promise rejects. */
export type ShellRun = {
  /** Known as soon as the shell has answered, or can't any more. */
  readonly outcome: Promise<ShellOutcome>;
  /** Resolves when the shell has ended, and with it what it has left in its session. */
  readonly gone: Promise<void>;
};

/** Runs the login shell, as an interactive one or not. An abort ends a run that hasn't answered yet. */
export type AskShell = (interactive: boolean, signal: AbortSignal) => ShellRun;

export type LoginShellOptions = {
  readonly host: Host;
  readonly watchdog: Watchdog;
  /** Takes one line for people: the name of a variable that had to be left out. */
  readonly log: (line: string) => void;
  /** When a shell that hasn't answered is ended, in milliseconds. */
  readonly deadlineMs?: number | undefined;
};

/**
 * The login shell of a host, to be asked for its environment.
 *
 * The shell is started as by a login: leader of a session of its own, at home, with the variables that a login
 * gives. Its question comes twice, by `-c` and on stdin: where one of the user's files replaces the shell
 * by another one (`exec zsh -l`), `-c` is lost, and the other one takes its commands from stdin.
 *
 * One that has answered is left a moment to end by itself. Then what is still in its session is hung up, as
 * when a terminal closes; a daemon, which has a session of its own, lives. One that doesn't answer is killed,
 * with its session and whoever holds its stdout.
 */
export const loginShell =
  ({ host, watchdog, log, deadlineMs = LOGIN_SHELL_MS }: LoginShellOptions): AskShell =>
  (interactive, signal) => {
    if (host.loginShell === undefined) return notRun({ reason: 'there is no login shell on Windows' });
    if (signal.aborted) return notRun({ reason: OVER });
    const question = newQuestion();
    const start = loginStart(host.loginShell, host, interactive, question.command);
    const child = spawnShell(start, question.command, host.tempDir);
    if (!('pid' in child))
      return notRun(
        child.failed.then(errno => ({
          reason: `can't start ${start.program}: ${errno}`,
          ...(shortageOf({ code: errno }) !== undefined && { passing: true }),
        })),
      );

    const name = basename(start.program);
    const session = sessionOf(child.pid, () => hasExited(child), host.platform);
    watchdog.add(child.pid);
    const answer = readAnswer(child, new ShellAnswerReader(question), name, deadlineMs, signal);
    return {
      outcome: answer.then(answered => {
        if ('reason' in answered) return answered;
        for (const left of answered.undecodable) {
          log(`not UTF-8 in the environment of ${name}, so not handed on to children: ${left}`);
        }
        return { env: environmentOf(answered.env, host.env) };
      }),
      gone: answer.then(async answered => {
        await leave(child, session, 'env' in answered, signal);
        watchdog.remove(child.pid);
      }),
    };
  };

const OVER = 'the connection is over';

const notRun = (failure: ShellOutcome | Promise<ShellOutcome>): ShellRun => {
  const outcome = Promise.resolve(failure);
  return { outcome, gone: outcome.then(() => {}) };
};

/** Takes in what the shell prints until that has an answer, the shell ends or its time is up. */
const readAnswer = (
  child: StartedShell,
  reader: ShellAnswerReader,
  name: string,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<ShellAnswer> =>
  new Promise(resolve => {
    const settle = (answer: ShellAnswer) => {
      deadline.cancel();
      signal.removeEventListener('abort', onAbort);
      child.off('exit', onExit);
      child.stdout.removeAllListeners('data');
      // It may print a farewell, which must not end it by SIGPIPE.
      child.stdout.resume();
      resolve(answer);
    };
    const onAbort = () => settle({ reason: OVER });
    const onExit = (code: number | null, killedBy: NodeJS.Signals | null) => {
      const end = killedBy === null ? `it exited with code ${code}` : `it was ended by ${killedBy}`;
      const reason = `${name} printed no environment: ${end}`;
      // What it printed last may still be on its way to us, and others may hold the stream open for ever.
      startTimer(LAST_OUTPUT_MS, () => settle({ reason }));
    };
    const deadline = startTimer(deadlineMs, () => settle({ reason: `no answer within ${deadlineMs} ms` }));
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

const leave = async (
  child: StartedShell,
  session: ShellSession,
  answered: boolean,
  signal: AbortSignal,
): Promise<void> => {
  const exited = hasExited(child) ? Promise.resolve() : once(child, 'exit');
  if (answered) {
    await settledWithin(exited, LOGIN_SHELL_EXIT_MS, signal);
    await hangUp(session, LOGIN_SHELL_GRACE_MS);
  } else {
    await killSession(session, () => child.stdout.readableEnded);
    await settledWithin(exited, LOGIN_SHELL_GRACE_MS);
  }
  child.stdout.destroy();
};

const hasExited = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

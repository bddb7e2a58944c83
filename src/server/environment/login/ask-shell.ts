import { basename } from 'node:path';
import type { Env } from '../../../shared-config/index.ts';
import { settledWithin } from '../../../system/deadline.ts';
import { descendantsOf, readProcessTable } from '../../../system/process-table.ts';
import type { Watchdog } from '../../../system/watchdog.ts';
import type { Host } from '../host.ts';
import { LOGIN_SHELL_MS, LOGIN_SHELL_REPORT_MS, MAX_REPORTED_PROCESSES } from './limits.ts';
import { environmentOf, isOfShell, type LoginBase, loginStart } from './login-start.ts';
import { type NoAnswer, notRun, runShell } from './run-shell.ts';
import { newQuestion, type OmittedVariable, ShellAnswerReader } from './shell-answer.ts';

/** Result of running a login shell. */
export type ShellOutcome = { readonly env: Env; readonly omitted?: readonly OmittedVariable[] } | NoAnswer;

/** One run of a login shell. Neither promise rejects. */
export type LoginRun = {
  /** Resolves when the shell has answered or cannot answer any more. */
  readonly outcome: Promise<ShellOutcome>;
  /** Resolves when the shell and its session have ended, or after an abort when another process will end them. */
  readonly gone: Promise<void>;
};

/** Runs the login shell for a base. An abort ends the wait for it; the shell has the rest of its time. */
export type AskShell = (base: LoginBase, signal: AbortSignal) => LoginRun;

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
 */
export const loginShell =
  ({ host, watchdog, log, onSlow = () => {}, deadlineMs = LOGIN_SHELL_MS }: LoginShellOptions): AskShell =>
  (base, signal) => {
    if (host.loginShell === undefined) {
      const { answer: outcome, gone } = notRun<never>({ reason: 'there is no login shell on Windows' });
      return { outcome, gone };
    }
    const question = newQuestion();
    const start = loginStart(host.loginShell, host, base === 'loginInteractive', question.command);
    const name = basename(start.program);
    const { pid, answer, gone } = runShell(
      {
        start,
        name,
        stdin: question.command,
        reader: new ShellAnswerReader(question),
        printed: 'environment',
        deadlineMs,
        signal,
      },
      { platform: host.platform, tempDir: host.tempDir, watchdog },
    );
    void settledWithin(answer, LOGIN_SHELL_REPORT_MS).then(async end => {
      if (end !== 'late' || pid === undefined) return;
      const running = await descendantNames(pid, host.platform);
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
      gone,
    };
  };

/** Names of the descendants of a process, some of them if there are many, with other characters than ASCII replaced. */
const descendantNames = async (pid: number, platform: NodeJS.Platform): Promise<string[]> => {
  const table = (await readProcessTable(platform)) ?? new Map();
  const names = descendantsOf(pid, table).map(child => table.get(child)?.name ?? '');
  const printable = names.map(name => name.replace(/[^ -~]/g, '?')).filter(name => name !== '');
  return [...new Set(printable)].slice(0, MAX_REPORTED_PROCESSES);
};

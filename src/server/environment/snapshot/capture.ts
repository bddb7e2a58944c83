import { readFileSync, realpathSync } from 'node:fs';
import type { Env } from '../../../shared-config/index.ts';
import { attempt } from '../../../system/attempt.ts';
import { type NoAnswer, runShell, type ShellRunContext } from '../login/run-shell.ts';
import type { ShellStart } from '../login/spawn-shell.ts';
import { MAX_SNAPSHOT_BYTES } from './limits.ts';
import { differenceOf, type NameFilter, replayedState } from './replayed-state.ts';
import { type ShellState, ShellStateReader } from './shell-state.ts';
import { SnapshotFile } from './snapshot-file.ts';
import { replayArguments, snapshotScript } from './snapshot-script.ts';
import { newStateScript } from './state-script.ts';
import type { LoginCommand } from './supported-shell.ts';

/** Starts programs where the command would run: in its directory, its environment and its sandbox. */
export type Launcher = {
  readonly cwd: string;
  readonly env: Env;
  /** The number that a child gives to a descriptor it inherits. */
  readonly descriptorNumber: number;
  /** @param descriptor one that the program inherits */
  start(argv: readonly [string, ...string[]], descriptor: number | undefined): ShellStart;
};

export type CaptureOptions = {
  readonly command: LoginCommand;
  readonly launcher: Launcher;
  /** Functions to search for in a shell that cannot list its functions. */
  readonly functions: readonly string[];
  readonly isAllowed: NameFilter;
  /** Directory for the file. */
  readonly directory: string;
  readonly deadlineMs: number;
  /** Aborts when the connection ends. */
  readonly stopped: AbortSignal;
  /** Aborts when the start is cancelled, after which the launcher is not used. */
  readonly cancelled: AbortSignal;
  /** Receives the end of each shell. */
  readonly onRun: (gone: Promise<void>) => void;
};

/** A snapshot that was compared with the shell it is of, and the environment of that. */
export type Captured = { readonly file: SnapshotFile; readonly env: ReadonlyMap<string, string> };

/**
 * Captures the state of a login shell in a file. The file is tried once: a shell that has read it must have the same
 * state, or there is no snapshot. Nor is there one of a shell whose files changed what a script cannot restore.
 */
export const capture = async (
  options: CaptureOptions,
  context: ShellRunContext,
): Promise<Captured | NoAnswer> => {
  const { command, launcher, isAllowed, directory } = options;
  const { kind } = command;
  const login = await readState(options, context, ({ script }) => [['-lc', script], undefined]);
  if ('reason' in login) return login;
  const unsupported = unsupportedPart(kind, login, launcher.cwd);
  if (unsupported !== undefined) return { reason: `${kind} ${unsupported}` };
  const expected = replayedState(kind, login, launcher.env, isAllowed);
  const content = snapshotScript(expected, launcher.env);
  if (content.length > MAX_SNAPSHOT_BYTES)
    return { reason: `its state is larger than ${MAX_SNAPSHOT_BYTES} bytes` };
  const file = attempt(() => new SnapshotFile(content, directory));
  if (file === undefined) return { reason: `cannot create a file in ${directory}`, transient: true };
  const replayed = await readState(options, context, ({ script }) => {
    const args = replayArguments({ kind, command: script, args: [] }, launcher.descriptorNumber);
    return args && [args, file.descriptor];
  });
  const problem =
    'reason' in replayed
      ? replayed
      : differs(differenceOf(expected, replayedState(kind, replayed, launcher.env, isAllowed)));
  if (problem === undefined) return { file, env: login.env };
  file.drop();
  return problem;
};

const differs = (part: string | undefined): NoAnswer | undefined =>
  part === undefined ? undefined : { reason: `its ${part} would not be restored exactly` };

type Invocation = readonly [args: readonly string[], descriptor: number | undefined];

const readState = async (
  { command: { kind, shell }, launcher, functions, deadlineMs, stopped, cancelled, onRun }: CaptureOptions,
  context: ShellRunContext,
  invocation: (state: ReturnType<typeof newStateScript>) => Invocation | undefined,
): Promise<ShellState | NoAnswer> => {
  const state = newStateScript(kind, functions, launcher.descriptorNumber);
  const invoked = invocation(state);
  if (invoked === undefined)
    return { reason: `${kind} cannot close descriptor ${launcher.descriptorNumber}` };
  if (cancelled.aborted) return { reason: 'the start was cancelled', transient: true };
  const [args, descriptor] = invoked;
  const { answer, gone } = runShell(
    {
      start: launcher.start([shell, ...args], descriptor),
      name: kind,
      stdin: undefined,
      reader: new ShellStateReader(state),
      printed: 'state',
      deadlineMs,
      signal: stopped,
    },
    context,
  );
  onRun(gone);
  return answer;
};

/** Describes what the start-up files did that no snapshot restores. */
const unsupportedPart = (kind: string, { sections }: ShellState, cwd: string): string | undefined => {
  if (!sections.has('limits')) return 'printed a part of its state only';
  if (kind === 'sh' && sections.get('functions') !== '') return 'has functions, which it cannot print';
  if (sections.get('directory')?.trimEnd() !== attempt(() => realpathSync(cwd)))
    return 'changed its directory';
  const limits = attempt(() => readFileSync('/proc/self/limits', 'latin1'));
  return sections.get('limits') === limits ? undefined : 'changed its resource limits';
};

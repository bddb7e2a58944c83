import { MAX_ARGUMENT_BYTES } from '../../../protocol/limits.ts';
import {
  applyEnvPolicy,
  type Env,
  type EnvPolicy,
  isWithheld,
  platformOf,
} from '../../../shared-config/index.ts';
import { Semaphore } from '../../../system/semaphore.ts';
import type { NoAnswer, ShellRunContext } from '../login/run-shell.ts';
import { type Captured, capture, type Launcher } from './capture.ts';
import {
  MAX_CAPTURES,
  MAX_LOGGED_REASONS,
  MAX_SNAPSHOT_AGE_MS,
  MAX_SNAPSHOT_ENV_LENGTH,
  MAX_SNAPSHOTS,
} from './limits.ts';
import type { NameFilter } from './replayed-state.ts';
import { replayArguments } from './snapshot-script.ts';
import { findStartUpFiles, fingerprintOf, hasChangedSince } from './start-up-files.ts';
import { type LoginCommand, loginCommandOf } from './supported-shell.ts';

/** A start for which a snapshot may be used. */
export type SnapshotRequest = {
  readonly scopeId: string;
  readonly shell: { readonly name: string; readonly path: string };
  readonly argv: readonly [string, ...string[]];
  readonly policy: EnvPolicy | undefined;
  readonly launcher: Launcher;
  /** Equal for starts in equal sandboxes. */
  readonly sandboxKey: string | undefined;
  /** Aborts when the start is cancelled, after which its launcher is not used. */
  readonly cancelled: AbortSignal;
};

/** A command line that restores a snapshot before the command. */
export type Replay = {
  readonly argv: readonly [string, ...string[]];
  /** A descriptor of this process that the shell must inherit. */
  readonly descriptor: number;
  /** Must be called after the start. */
  release(): void;
};

export type ShellSnapshotsContext = ShellRunContext & {
  readonly homeDir: string;
  /** Directory for the files of snapshots, which have no names there. */
  readonly directory: string;
  readonly log: (line: string) => void;
  /** Time of a shell to print its state, in milliseconds. */
  readonly deadlineMs: number;
};

/**
 * Snapshots of the login shells of a session: functions, aliases, options, variables, traps and umask after the start-up
 * files. A snapshot belongs to a scope, shell, directory, environment, policy and sandbox. It is captured by the first
 * command, and again when a start-up file has changed. Commands without a usable snapshot run as they are.
 */
export class ShellSnapshots {
  readonly #context: ShellSnapshotsContext;
  /** The least recently used one first. */
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #captures = new Semaphore(MAX_CAPTURES);
  readonly #stop = new AbortController();
  readonly #shutdowns = new Set<Promise<void>>();
  readonly #logged = new Set<string>();

  constructor(context: ShellSnapshotsContext) {
    this.#context = context;
  }

  /** Returns the command line with a snapshot, or `undefined` if the command has to run as it is. Never rejects. */
  async use(request: SnapshotRequest): Promise<Replay | undefined> {
    const command = loginCommandOf(request.argv, request.shell);
    const key = command && keyOf(request);
    if (command === undefined || key === undefined) return undefined;
    const { file } = await (await this.#current(key, command, request)).result;
    const { launcher, cancelled } = request;
    const args = replayArguments(command, launcher.descriptorNumber);
    if (args === undefined || args.some(isTooLong)) return undefined;
    if (file === undefined || cancelled.aborted || !file.acquire()) return undefined;
    return { argv: [command.shell, ...args], descriptor: file.descriptor, release: () => file.release() };
  }

  /** Ends the shells that run, and closes the files. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const key of this.#snapshots.keys()) this.#drop(key);
    while (this.#shutdowns.size > 0) await Promise.all(this.#shutdowns);
  }

  async #current(key: string, command: LoginCommand, request: SnapshotRequest): Promise<Snapshot> {
    const found = this.#snapshots.get(key);
    const isCurrent = found !== undefined && (await found.isCurrent());
    const latest = this.#snapshots.get(key);
    // Another start may have replaced it in the meantime.
    const usable = latest !== found || isCurrent ? latest : undefined;
    if (usable === undefined) return this.#add(key, command, request);
    this.#snapshots.delete(key);
    this.#snapshots.set(key, usable);
    return usable;
  }

  #add(key: string, command: LoginCommand, request: SnapshotRequest): Snapshot {
    this.#drop(key);
    const snapshot = new Snapshot(this.#captures.run(() => this.#capture(command, request)));
    this.#snapshots.set(key, snapshot);
    const [oldest] = this.#snapshots.keys();
    if (this.#snapshots.size > MAX_SNAPSHOTS && oldest !== undefined) this.#drop(oldest);
    void snapshot.result.then(({ failure }) => {
      if (failure === undefined || this.#stop.signal.aborted) return;
      if (failure.transient && this.#snapshots.get(key) === snapshot) this.#drop(key);
      this.#logOnce(`no snapshot of ${command.shell}, running its start-up files: ${failure.reason}`);
    });
    return snapshot;
  }

  /** Logs a line the first time; a reason recurs with each environment and directory. */
  #logOnce(line: string): void {
    if (this.#logged.has(line) || this.#logged.size === MAX_LOGGED_REASONS) return;
    this.#logged.add(line);
    this.#context.log(line);
  }

  #drop(key: string): void {
    this.#snapshots.get(key)?.drop();
    this.#snapshots.delete(key);
  }

  async #capture(
    command: LoginCommand,
    { launcher, policy, cancelled }: SnapshotRequest,
  ): Promise<CaptureResult> {
    const { homeDir, directory, deadlineMs } = this.#context;
    const { kind } = command;
    const startedAt = Date.now();
    const functions = kind === 'sh' ? (await findStartUpFiles(kind, launcher.env, homeDir)).functions : [];
    const captured = await capture(
      {
        command,
        launcher,
        functions,
        isAllowed: filterOf(launcher.env, policy, this.#context.platform),
        directory,
        deadlineMs,
        stopped: this.#stop.signal,
        cancelled,
        onRun: gone => {
          this.#shutdowns.add(gone);
          void gone.then(() => this.#shutdowns.delete(gone));
        },
      },
      this.#context,
    );
    const env = 'reason' in captured ? launcher.env : { ...launcher.env, ...decoded(captured.env) };
    const { paths } = await findStartUpFiles(kind, env, homeDir);
    const changed = await hasChangedSince(paths, startedAt - CLOCK_TICK_MS);
    return { captured, paths, fingerprint: changed ? undefined : await fingerprintOf(paths) };
  }
}

const isTooLong = (argument: string): boolean => Buffer.byteLength(argument) > MAX_ARGUMENT_BYTES;

/** The time of a file may be behind that of the clock by a tick of the kernel, at most 10 ms. */
const CLOCK_TICK_MS = 10;

type CaptureResult = {
  readonly captured: Captured | NoAnswer;
  /** Files that the shell reads. */
  readonly paths: readonly string[];
  /** State of the files; `undefined` if one changed during the capture. */
  readonly fingerprint: string | undefined;
};

/** A snapshot that is being captured, was captured or could not be. */
class Snapshot {
  readonly #madeAt = performance.now();
  readonly #capture: Promise<CaptureResult>;
  #dropped = false;

  constructor(captureResult: Promise<CaptureResult>) {
    this.#capture = captureResult;
    void this.result.then(({ file }) => {
      if (this.#dropped) file?.drop();
    });
  }

  /** The file, or the reason why there is none. */
  get result(): Promise<{ readonly file?: Captured['file']; readonly failure?: NoAnswer }> {
    return this.#capture.then(({ captured }) =>
      'reason' in captured ? { failure: captured } : { file: captured.file },
    );
  }

  /** Resolves to false if a start-up file has changed since the capture, or the snapshot is old. */
  async isCurrent(): Promise<boolean> {
    const { paths, fingerprint } = await this.#capture;
    if (fingerprint === undefined || performance.now() - this.#madeAt > MAX_SNAPSHOT_AGE_MS) return false;
    return fingerprint === (await fingerprintOf(paths));
  }

  drop(): void {
    this.#dropped = true;
    void this.result.then(({ file }) => file?.drop());
  }
}

/** Names of variables that differ from command to command. A snapshot leaves them as they are. */
const PER_COMMAND = new Set(['CODEX_TOOL_CALL_ID']);

/** Identifies a snapshot; `undefined` for an environment that is too long for one. */
const keyOf = ({ scopeId, shell, policy, launcher, sandboxKey }: SnapshotRequest): string | undefined => {
  const { cwd, env } = launcher;
  const variables = sortedEntries(env).filter(([name]) => !PER_COMMAND.has(name));
  if (variables.reduce((sum, variable) => sum + variable.join('').length, 0) > MAX_SNAPSHOT_ENV_LENGTH)
    return undefined;
  const rules = policy && { ...policy, set: sortedEntries(policy.set ?? {}) };
  return JSON.stringify([scopeId, shell, cwd, rules, sandboxKey, variables]);
};

// Codex sends variables in another order each time.
const sortedEntries = (variables: Env): Array<[name: string, value: string]> =>
  Object.entries(variables).toSorted(([one], [other]) => (one < other ? -1 : 1));

/**
 * Returns the filter of the variables of a snapshot: those that the process had before its start-up files, and of the
 * others those that the policy would let it inherit.
 */
const filterOf = (env: Env, policy: EnvPolicy | undefined, platform: NodeJS.Platform): NameFilter => {
  const rules: EnvPolicy = { ...policy, inherit: 'all', set: {} };
  return (name, value) => {
    if (PER_COMMAND.has(name) || isWithheld(name)) return false;
    if (policy === undefined || Object.hasOwn(env, name)) return true;
    return Object.hasOwn(applyEnvPolicy(rules, { [name]: value }, platformOf(platform)), name);
  };
};

const decoded = (env: ReadonlyMap<string, string>): Env =>
  Object.fromEntries([...env].map(([name, value]) => [name, Buffer.from(value, 'latin1').toString()]));

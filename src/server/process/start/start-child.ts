import type { ParamsOut } from '../../../protocol/define.ts';
import { unsupported } from '../../../protocol/errors.ts';
import type { Requests } from '../../../protocol/messages.ts';
import {
  countDecisions,
  type Env,
  type EnvBase,
  type EnvCounts,
  type EnvOverlay,
  pathOrigin,
  platformOf,
  traceEnv,
} from '../../../shared-config/index.ts';
import type { Lazy } from '../../../system/lazy.ts';
import type { NamedPipes } from '../../../system/named-pipes.ts';
import { pinTerminal } from '../../../system/pinned-file.ts';
import type { Host } from '../../environment/host.ts';
import { type BaseEnv, describeBase } from '../../environment/login/base-env.ts';
import { withinMatchLimit } from '../../environment/match-limit.ts';
import type { ShellSnapshots } from '../../environment/snapshot/shell-snapshots.ts';
import { DenialDetector } from '../../sandbox/denial-detector.ts';
import { SandboxedCommand } from '../../sandbox/sandboxed-command.ts';
import type { PreparedSandbox, Sandboxes } from '../../sandbox/sandboxes.ts';
import type { Child } from '../child.ts';
import { ptyUnavailable } from '../pty/pty-binding.ts';
import type { PtyChild } from '../pty/pty-child.ts';
import { startOnPty } from '../pty/start-on-pty.ts';
import { launch } from './launch.ts';
import { assertPathWithinLimit } from './path-limit.ts';
import { replayOf } from './replay.ts';
import { retryBusy } from './retry-busy.ts';
import { sandboxedPlan } from './sandboxed-plan.ts';
import { type WorkingDirectory, workingDirectory } from './working-directory.ts';

type StartParams = ParamsOut<Requests['process/start']>;

/** Facilities of the server that a start uses. */
export type StartContext = {
  readonly host: Host;
  readonly pipes: NamedPipes | undefined;
  readonly detached: boolean;
  /** Resolves a base other than `process`; rejects if the start is cancelled. */
  /** The base `process`. */
  readonly serverEnv: Env;
  readonly baseEnv: (base: EnvBase) => Promise<BaseEnv>;
  readonly sandboxes: Sandboxes;
  readonly snapshots: Lazy<ShellSnapshots>;
  /** Waits for a promise; rejects if the start is cancelled. */
  readonly wait: <Value>(promise: Promise<Value>) => Promise<Value>;
};

/** A started child, and how its environment was made. */
export type StartedChild = {
  readonly child: Child;
  readonly sandboxType: 'none' | 'linuxSeccomp';
  readonly environment: EnvCounts;
  readonly envBase: ReturnType<typeof describeBase> | undefined;
};

/**
 * Starts the process of a `process/start`, on pipes or on a terminal. Unless it has to wait for a base or a sandbox, the
 * process has started before the first `await` of the caller.
 *
 * @throws {ExecServerError} `unsupported`, `invalidParams`, `launchFailed`
 */
export const startChild = async (params: StartParams, context: StartContext): Promise<StartedChild> => {
  assertSupported(params);
  const directory = workingDirectory(params.cwd, context.host.platform);
  let sandbox: PreparedSandbox | undefined;
  try {
    if (params.sandbox !== undefined) sandbox = prepareSandbox(params.sandbox, directory, context);
    return await start(params, directory, sandbox, context);
  } finally {
    sandbox?.release();
    directory.release();
  }
};

const prepareSandbox = (
  sandbox: NonNullable<StartParams['sandbox']>,
  { path, pwd }: WorkingDirectory,
  { sandboxes }: StartContext,
): PreparedSandbox | undefined => {
  if (pwd === null) throw unsupported('cwd', 'a path that is not UTF-8 is not supported with a sandbox');
  return sandboxes.prepare(sandbox, path);
};

const start = async (
  params: StartParams,
  { path: cwd, pwd }: WorkingDirectory,
  sandbox: PreparedSandbox | undefined,
  { host, serverEnv, pipes, detached, baseEnv, snapshots, wait }: StartContext,
): Promise<StartedChild> => {
  const { platform } = host;
  const base = params.envPolicy?.base ?? 'process';
  const taken = base === 'process' ? undefined : await baseEnv(base);
  const { env, decisions } = withinMatchLimit(() =>
    traceEnv({
      base: taken?.env ?? serverEnv,
      policy: params.envPolicy,
      overlay: overlayOf(params),
      cwd: pwd,
      platform: platformOf(platform),
    }),
  );
  const plan = {
    argv: params.argv as [string, ...string[]],
    arg0: params.arg0,
    cwd,
    env,
    pathFrom: pathOrigin(decisions, params.envPolicy && (taken?.base ?? 'process'), platformOf(platform)),
    platform,
  };
  assertPathWithinLimit(plan);
  const replay =
    params.shellSnapshot === undefined || pwd === null
      ? undefined
      : await replayOf(params, plan, sandbox, { snapshots, wait });
  try {
    const command =
      replay === undefined ? plan : { ...plan, argv: replay.argv, descriptors: [replay.descriptor] };
    const finalPlan = sandbox === undefined ? command : await sandboxedPlan(command, sandbox, wait);
    const { pipeStdin, mergeStderr, size = DEFAULT_SIZE } = params;
    const child = await retryBusy(
      () =>
        params.tty
          ? onTerminal(startOnPty({ ...finalPlan, size }))
          : launch({ ...finalPlan, pipeStdin, mergeStderr, detached }, pipes),
      wait,
    );
    return {
      child: sandbox === undefined ? child : withSandbox(child, sandbox),
      sandboxType: sandbox === undefined ? 'none' : 'linuxSeccomp',
      environment: countDecisions(decisions),
      envBase: taken && describeBase(taken),
    };
  } finally {
    replay?.release();
  }
};

/** The overlay of a start. Metadata decides about its variables, as in Codex, also by what it lacks. */
const overlayOf = ({ env, metadata }: StartParams): EnvOverlay =>
  metadata === undefined
    ? env
    : {
        ...env,
        CODEX_THREAD_ID: metadata.threadId ?? null,
        CODEX_TOOL_CALL_ID: metadata.toolCallId ?? null,
      };

const DEFAULT_SIZE = { columns: 80, rows: 24 };

// A field that restricts a child is enforced or refused, never ignored.
const assertSupported = ({ tty, mergeStderr, ...params }: StartParams): void => {
  const noTerminal = tty ? ptyUnavailable() : undefined;
  if (noTerminal !== undefined) throw unsupported('tty', noTerminal);
  if (tty && mergeStderr)
    throw unsupported('mergeStderr', 'not supported with tty, which has one output stream');
  if (params.enforceManagedNetwork) throw unsupported('enforceManagedNetwork', NO_MANAGED_NETWORK);
  for (const field of ['managedNetwork', 'networkProxy', 'credentialProviders'] as const) {
    if (params[field] !== undefined) throw unsupported(field, NO_MANAGED_NETWORK);
  }
};

const NO_MANAGED_NETWORK = 'managed networking is not supported by this server';

const withSandbox = (child: Child, { view }: PreparedSandbox): Child => {
  let exited = false;
  child.onExit(() => {
    exited = true;
  });
  const command = new SandboxedCommand(child.pid, () => exited);
  return { ...child, sandboxed: { command, denial: new DenialDetector(view.network) } };
};

const onTerminal = ({ pid, input, output, terminal, isOpen, onExit, resize, destroy }: PtyChild): Child => ({
  pid,
  stdin: input,
  outputs: { pty: output },
  terminal: terminal === '' ? undefined : { path: terminal, isOpen },
  pinStreams: () => {
    const pinned = terminal !== '' && isOpen() && !output.readableEnded ? pinTerminal(terminal) : undefined;
    return pinned === undefined ? [] : [pinned];
  },
  onExit,
  resize,
  cut: destroy,
});

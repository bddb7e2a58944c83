import type { ParamsOut } from '../../../protocol/define.ts';
import { unsupported } from '../../../protocol/errors.ts';
import type { Requests } from '../../../protocol/messages.ts';
import { nativePath } from '../../../protocol/native-path.ts';
import {
  countDecisions,
  type EnvBase,
  type EnvCounts,
  pathOrigin,
  platformOf,
  traceEnv,
} from '../../../shared-config/index.ts';
import type { NamedPipes } from '../../../system/named-pipes.ts';
import { pinTerminal } from '../../../system/pinned-file.ts';
import type { Host } from '../../environment/host.ts';
import { type BaseEnv, describeBase } from '../../environment/login/base-env.ts';
import { withinMatchLimit } from '../../environment/match-limit.ts';
import { Denial } from '../../sandbox/denial.ts';
import { SandboxedCommand } from '../../sandbox/sandboxed-command.ts';
import type { PreparedSandbox, Sandboxes } from '../../sandbox/sandboxes.ts';
import type { Child } from '../child.ts';
import { type PtyChild, startOnPty } from '../pty/pty.ts';
import { ptyUnavailable } from '../pty/pty-binding.ts';
import { refuseLongSearch } from './find-program.ts';
import { launch } from './launch.ts';
import { sandboxedPlan } from './sandboxed-plan.ts';

type StartParams = ParamsOut<Requests['process/start']>;

/** Where a child is started, and what it is started with. */
export type StartContext = {
  readonly host: Host;
  readonly pipes: NamedPipes | undefined;
  readonly detached: boolean;
  /** Where a policy asks for another base than `process`; rejects if nothing is to be started any more. */
  readonly baseEnv: (base: EnvBase) => Promise<BaseEnv>;
  readonly sandboxes: Sandboxes;
  /** Waits, unless nothing is to be started any more: then it rejects. */
  readonly wait: <Value>(something: Promise<Value>) => Promise<Value>;
};

/** A started child, what its policy started from, and what that did to its environment. */
export type StartedChild = {
  readonly child: Child;
  readonly sandboxType: 'none' | 'linuxSeccomp';
  readonly environment: EnvCounts;
  readonly envBase: ReturnType<typeof describeBase> | undefined;
};

/**
 * Starts what `process/start` asks for, on pipes or on a terminal, with an environment made here. Unless it
 * has to wait for a base or a sandbox, it has started before the first `await` of the caller.
 *
 * @throws {ExecServerError} `unsupported` for what can't be had here, `invalidParams`, `launchFailed`
 */
export const startChild = async (params: StartParams, context: StartContext): Promise<StartedChild> => {
  refuseWhatIsMissing(params);
  const cwd = nativePath('cwd', params.cwd, context.host.platform);
  const confinement = params.sandbox && context.sandboxes.prepare(params.sandbox, cwd);
  if (confinement === undefined) return start(params, cwd, undefined, context);
  try {
    return await start(params, cwd, confinement, context);
  } finally {
    confinement.release();
  }
};

const start = async (
  params: StartParams,
  cwd: string,
  confinement: PreparedSandbox | undefined,
  { host, pipes, detached, baseEnv, wait }: StartContext,
): Promise<StartedChild> => {
  const { platform } = host;
  const base = params.envPolicy?.base ?? 'process';
  const taken = base === 'process' ? undefined : await baseEnv(base);
  const { env, decisions } = withinMatchLimit(() =>
    traceEnv({
      base: taken?.env ?? host.env,
      policy: params.envPolicy,
      overlay: params.env,
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
  refuseLongSearch(plan);
  const confined = confinement && (await sandboxedPlan(plan, confinement, wait));
  const { pipeStdin, mergeStderr, size = DEFAULT_SIZE } = params;
  const child = params.tty
    ? onTerminal(startOnPty({ ...(confined ?? plan), size }))
    : await launch({ ...(confined ?? plan), pipeStdin, mergeStderr, detached }, pipes);
  return {
    child: confinement === undefined ? child : keptIn(confinement, child),
    sandboxType: confinement === undefined ? 'none' : 'linuxSeccomp',
    environment: countDecisions(decisions),
    envBase: taken && describeBase(taken),
  };
};

const DEFAULT_SIZE = { columns: 80, rows: 24 };

// A field that narrows what a child may do is enforced or refused, never passed over.
const refuseWhatIsMissing = ({ tty, mergeStderr, ...params }: StartParams): void => {
  const noTerminal = tty ? ptyUnavailable() : undefined;
  if (noTerminal !== undefined) throw unsupported('tty', noTerminal);
  if (tty && mergeStderr) throw unsupported('mergeStderr', 'a terminal is one stream anyway');
  const unmanaged = 'this server manages no network, and runs nothing unmanaged that asks for it';
  if (params.enforceManagedNetwork) throw unsupported('enforceManagedNetwork', unmanaged);
  for (const field of ['managedNetwork', 'networkProxy', 'credentialProviders'] as const) {
    if (params[field] !== undefined) throw unsupported(field, unmanaged);
  }
};

const keptIn = ({ view }: PreparedSandbox, child: Child): Child => {
  let over = false;
  child.onExit(() => {
    over = true;
  });
  const command = new SandboxedCommand(child.pid, () => over);
  return { ...child, confined: { command, denial: new Denial(view.network) } };
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

import type { ParamsOut } from '../../protocol/define.ts';
import { unsupported } from '../../protocol/errors.ts';
import type { Requests } from '../../protocol/messages.ts';
import { countDecisions, type EnvCounts, platformOf, traceEnv } from '../../shared-config/index.ts';
import type { Host } from '../host.ts';
import type { NamedPipes } from '../platform/named-pipes.ts';
import { nativePath } from '../platform/native-path.ts';
import type { Child } from './child.ts';
import { launch } from './launch.ts';
import { type PtyChild, startOnPty } from './pty.ts';
import { ptyUnavailable } from './pty-binding.ts';

type StartParams = ParamsOut<Requests['processStart']>;

/** A started child, and what the policy did to its environment. */
export type StartedChild = { readonly child: Child; readonly environment: EnvCounts };

/**
 * Starts what `process/start` asks for, on pipes or on a terminal, with an environment made here.
 *
 * @throws {ExecServerError} `unsupported` for what can't be had here, `invalidParams`, `launchFailed`
 */
export const startChild = async (
  params: StartParams,
  host: Host,
  pipes: NamedPipes | undefined,
  detached: boolean,
): Promise<StartedChild> => {
  refuseWhatIsMissing(params);
  const { platform } = host;
  const { env, decisions } = traceEnv({
    base: host.env,
    policy: params.envPolicy,
    overlay: params.env,
    platform: platformOf(platform),
  });
  const plan = {
    argv: params.argv as [string, ...string[]],
    arg0: params.arg0,
    cwd: nativePath('cwd', params.cwd, platform),
    env,
    platform,
  };
  const { pipeStdin, mergeStderr, size = DEFAULT_SIZE } = params;
  const child = params.tty
    ? onTerminal(startOnPty({ ...plan, size }))
    : await launch({ ...plan, pipeStdin, mergeStderr, detached }, pipes);
  return { child, environment: countDecisions(decisions) };
};

const DEFAULT_SIZE = { columns: 80, rows: 24 };

// A field that narrows what a child may do is enforced or refused, never passed over.
const refuseWhatIsMissing = ({ tty, sandbox, enforceManagedNetwork, mergeStderr }: StartParams): void => {
  const noTerminal = tty ? ptyUnavailable() : undefined;
  if (noTerminal !== undefined) throw unsupported('tty', noTerminal);
  if (tty && mergeStderr) throw unsupported('mergeStderr', 'a terminal is one stream anyway');
  const unconfined = 'this server cannot confine a process, and runs none unconfined that asks for it';
  if (sandbox !== undefined) throw unsupported('sandbox', unconfined);
  if (enforceManagedNetwork) throw unsupported('enforceManagedNetwork', unconfined);
};

const onTerminal = ({ pid, input, output, terminal, onExit, resize, destroy }: PtyChild): Child => ({
  pid,
  stdin: input,
  outputs: { pty: output },
  links: terminal === '' ? [] : [terminal],
  onExit,
  resize,
  cut: destroy,
});

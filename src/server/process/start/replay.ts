import type { ParamsOut } from '../../../protocol/define.ts';
import type { Requests } from '../../../protocol/messages.ts';
import type { Lazy } from '../../../system/lazy.ts';
import type { Replay, ShellSnapshots } from '../../environment/snapshot/shell-snapshots.ts';
import { FIRST_DESCRIPTOR } from '../../sandbox/bwrap-options.ts';
import type { PreparedSandbox } from '../../sandbox/sandboxes.ts';
import type { LaunchAttempt } from './launch-failure.ts';

type ReplayContext = {
  readonly snapshots: Lazy<ShellSnapshots>;
  /** Waits for a promise; rejects if the start is cancelled. */
  readonly wait: <Value>(promise: Promise<Value>) => Promise<Value>;
};

/**
 * Returns the command line with a snapshot of the login shell for a start that asks for one; `undefined` if the command
 * has to run as it is.
 */
export const replayOf = async (
  { shellSnapshot, envPolicy, arg0 }: ParamsOut<Requests['process/start']>,
  { argv, env, cwd, platform }: LaunchAttempt,
  sandbox: PreparedSandbox | undefined,
  { snapshots, wait }: ReplayContext,
): Promise<Replay | undefined> => {
  // Another name can make the shell a login shell, or another shell.
  if (shellSnapshot === undefined || platform !== 'linux' || (arg0 ?? argv[0]) !== argv[0]) return undefined;
  const cancelled = new AbortController();
  try {
    return await wait(
      snapshots.get().then(all =>
        all.use({
          ...shellSnapshot,
          argv,
          policy: envPolicy,
          sandboxKey: sandbox?.key,
          cancelled: cancelled.signal,
          launcher: {
            cwd,
            env,
            descriptorNumber: sandbox?.descriptorNumber ?? FIRST_DESCRIPTOR,
            start: (program, descriptor) => {
              const started = sandbox?.start(program, env, descriptor) ?? {
                argv: program,
                env,
                descriptors: descriptor === undefined ? [] : [descriptor],
              };
              const [file, ...args] = started.argv;
              return {
                program: file,
                argv0: file,
                args,
                cwd: sandbox === undefined ? cwd : '/',
                env: started.env,
                descriptors: started.descriptors,
              };
            },
          },
        }),
      ),
    );
  } catch (error) {
    cancelled.abort();
    throw error;
  }
};

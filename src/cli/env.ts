import type { ProcessEnv, Target } from '../core/index.ts';
import { printError, printResult } from './output.ts';
import { reportBase } from './report-base.ts';
import { withServer } from './with-server.ts';
import { expandHome } from './working-directory.ts';

export type PrintEnvOptions = {
  readonly target: Target;
  readonly quiet: boolean;
  /** Time limit of the connection attempt, in milliseconds. */
  readonly connectTimeoutMs: number | undefined;
  readonly cwd: string | undefined;
  readonly env: ProcessEnv;
  /** End each variable with NUL instead of a line feed. */
  readonly nulTerminated: boolean;
};

/** Prints the env of a process of the server, sorted by name; a process reports it. */
export const printEnv = ({
  target,
  quiet,
  connectTimeoutMs,
  cwd,
  env,
  nulTerminated,
}: PrintEnvOptions): Promise<number> =>
  withServer(target, { quiet, connectTimeoutMs }, async client => {
    const windows = client.info.platformOs === 'windows';
    const argv = windows ? (['cmd', '/d', '/c', 'set'] as const) : (['/usr/bin/env', '-0'] as const);
    const child = await client.start({ argv, cwd: expandHome(cwd, client.info), env });
    if (!quiet) reportBase(env, child.launch);
    const { exitCode, stdout, stderr } = await child.collect({ maxBytes: MAX_ENV_BYTES });
    if (exitCode !== 0) {
      printError(stderr.toString());
      return exitCode;
    }
    const variables = stdout
      .toString()
      .split(windows ? '\r\n' : '\0')
      .filter(text => text !== '');
    const end = nulTerminated ? '\0' : '\n';
    printResult(
      variables
        .sort()
        .map(variable => `${variable}${end}`)
        .join(''),
    );
    return 0;
  });

/** Maximum length of the env, in bytes; above the limit of every system. */
const MAX_ENV_BYTES = 64 * 1024 * 1024;

import type { ProcessEnv, Target } from '../core/index.ts';
import { printError, printResult } from './output.ts';
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
    const [file, ...args] = windows ? ['cmd', '/d', '/c', 'set'] : ['/usr/bin/env', '-0'];
    const options = { cwd: expandHome(cwd, client.info), env, maxBuffer: MAX_ENV_BYTES, reject: false };
    const { exitCode, stdout, stderr } = await client.exec(file, args, options);
    if (exitCode !== 0) {
      if (stderr !== '') printError(`${stderr}\n`);
      return exitCode;
    }
    const variables = stdout.split(windows ? '\r\n' : '\0').filter(text => text !== '');
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

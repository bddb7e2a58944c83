import type { ProcessEnv, ProcessResult, Target } from '../core/index.ts';
import { printError, printResult } from './output.ts';
import { withServer } from './with-server.ts';

export type PrintEnvOptions = {
  readonly target: Target;
  readonly quiet: boolean;
  readonly cwd: string | undefined;
  readonly env: ProcessEnv;
  /** End each variable with NUL instead of a line feed. */
  readonly nulTerminated: boolean;
};

/** Prints the env of a process of the server, sorted by name; a process reports it. */
export const printEnv = ({ target, quiet, cwd, env, nulTerminated }: PrintEnvOptions): Promise<number> =>
  withServer(target, { quiet }, async client => {
    const windows = client.info.platformOs === 'windows';
    const child = await client.start({
      argv: windows ? ['cmd', '/d', '/c', 'set'] : ['/usr/bin/env', '-0'],
      cwd,
      env,
    });
    const result = await child.collect({ maxBytes: MAX_ENV_BYTES });
    if (result.exitCode !== 0) return failed(result);
    const variables = result.stdout
      .toString('utf8')
      .split(windows ? '\r\n' : '\0')
      .filter(text => text !== '');
    printResult(
      variables
        .sort()
        .map(text => `${text}${nulTerminated ? '\0' : '\n'}`)
        .join(''),
    );
    return 0;
  });

/** Maximum length of the env, in bytes; above the limit of every system. */
const MAX_ENV_BYTES = 64 * 1024 * 1024;

const failed = ({ exitCode, stderr }: ProcessResult): number => {
  printError(stderr.toString('utf8'));
  return exitCode;
};

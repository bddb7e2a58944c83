import type { ProcessEnv, ProcessResult, Target } from '../core/index.ts';
import { printError, printResult } from './output.ts';
import { withServer } from './session.ts';

export type EnvOptions = {
  readonly target: Target;
  readonly quiet: boolean;
  readonly cwd: string | undefined;
  readonly environment: ProcessEnv;
  /** End each variable with NUL in place of a line break. */
  readonly nullEnd: boolean;
};

/** Prints the environment that a process gets there, as a process there reports it, sorted by name. */
export const printEnv = ({ target, quiet, cwd, environment, nullEnd }: EnvOptions): Promise<number> =>
  withServer(target, { quiet }, async client => {
    const windows = client.info.platformOs === 'windows';
    const child = await client.start({
      argv: windows ? ['cmd', '/d', '/c', 'set'] : ['/usr/bin/env', '-0'],
      cwd,
      env: environment,
    });
    const result = await child.collect({ maxBytes: MAX_ENVIRONMENT_BYTES });
    if (result.exitCode !== 0) return failed(result);
    const variables = result.stdout
      .toString('utf8')
      .split(windows ? '\r\n' : '\0')
      .filter(text => text !== '');
    printResult(
      variables
        .sort()
        .map(text => `${text}${nullEnd ? '\0' : '\n'}`)
        .join(''),
    );
    return 0;
  });

/** Longest environment that is printed, in bytes; no system has so long a one. */
const MAX_ENVIRONMENT_BYTES = 64 * 1024 * 1024;

const failed = ({ exitCode, stderr }: ProcessResult): number => {
  printError(stderr.toString('utf8'));
  return exitCode;
};

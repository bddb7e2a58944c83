import type { ConfiguredEnvironment, EnvironmentsConfig, ProgramEnvironment } from '../codex-config/index.ts';
import { inheritable } from '../core/connect.ts';
import { launchDirectoryProblem } from '../core/launch-directory.ts';
import { printableLine } from '../core/printable.ts';
import { applyOverlay, platformOf } from '../shared-config/index.ts';
import { findProgram } from '../system/find-program.ts';
import { readEnvironments } from './config-files.ts';
import { directoryOf } from './environment-target.ts';
import { tableSpans } from './layout.ts';
import { print, printJson } from './output.ts';
import type { Span } from './spans.ts';

/** Entry of the list. */
type Listed = {
  readonly id: string;
  readonly kind: ConfiguredEnvironment['kind'];
  readonly program?: string;
  /** Reason why it cannot be used, if one is known without connecting. */
  readonly problem?: string;
};

/**
 * Prints the environments for `--environment`, with known problems. It connects to none of them. Arguments and
 * variables are not printed, because they can be secrets.
 *
 * @param json true to print one line of JSON
 * @throws {ConfigError}
 */
export const listEnvironments = (file: string | undefined, json: boolean): void => {
  const config = readEnvironments(file);
  const environments = config.list.map(environment => listed(config, environment));
  const listing = { file: config.file, default: config.default ?? null, environments };
  if (json) printJson(listing);
  else print(...listingSpans(listing));
};

const listed = (config: EnvironmentsConfig, environment: ConfiguredEnvironment): Listed => {
  const { id, kind } = environment;
  if (kind === 'local') return { id, kind };
  if (kind === 'url') return { id, kind, problem: 'url is not supported' };
  const problem = programProblem(environment, directoryOf(config, environment) ?? process.cwd());
  return { id, kind, program: environment.program, ...(problem !== undefined && { problem }) };
};

const programProblem = ({ program, env }: ProgramEnvironment, cwd: string): string | undefined => {
  const { platform } = process;
  const { executable, existing } = findProgram({
    argv: [program],
    cwd,
    env: applyOverlay(env, inheritable(process.env), platformOf(platform)),
    platform,
  });
  if (executable !== undefined) return launchDirectoryProblem(cwd);
  return existing === undefined ? 'the program was not found' : 'the program is not executable';
};

type Listing = {
  readonly file: string;
  readonly default: string | null;
  readonly environments: readonly Listed[];
};

const listingSpans = ({ file, default: chosen, environments }: Listing): Span[] => {
  const rows = environments.map(
    ({ id, kind, program = kind === 'local' ? 'this machine' : kind, problem = '' }) =>
      [id, program, problem].map(printableLine),
  );
  return [
    ...tableSpans([['ID', 'PROGRAM', 'PROBLEM'], ...rows]),
    `default for Codex: ${chosen ?? 'none'} (${printableLine(file)})\n`,
  ];
};

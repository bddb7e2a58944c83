import type { ConfiguredEnvironment, EnvironmentsConfig, ProgramEnvironment } from '../codex-config/index.ts';
import { inheritable } from '../core/connect.ts';
import { launchDirectoryProblem } from '../core/launch-directory.ts';
import { printableLine } from '../core/printable.ts';
import { findProgram } from '../server/process/start/find-program.ts';
import { applyOverlay, platformOf } from '../shared-config/index.ts';
import { readEnvironments } from './config-files.ts';
import { directoryOf } from './environment-target.ts';
import { print, printJson } from './output.ts';

/** One environment, as the list tells it. */
type Listed = {
  readonly id: string;
  /** How it is reached. */
  readonly kind: ConfiguredEnvironment['kind'];
  readonly program?: string;
  /** Why it can't be used from here; absent if nothing is known against it. */
  readonly problem?: string;
};

/**
 * Prints the environments that `--environment` can name, and what is known to keep one from being used. None
 * is connected to; arguments and variables are not shown, as they may be secrets.
 *
 * @param json print one line of JSON
 * @throws {ConfigError}
 */
export const listEnvironments = (file: string | undefined, json: boolean): void => {
  const config = readEnvironments(file);
  const environments = config.list.map(environment => listed(config, environment));
  const listing = { file: config.file, default: config.default ?? null, environments };
  if (json) printJson(listing);
  else print(table(listing));
};

const listed = (config: EnvironmentsConfig, environment: ConfiguredEnvironment): Listed => {
  const { id, kind } = environment;
  if (kind === 'local') return { id, kind };
  if (kind === 'url') return { id, kind, problem: 'url is not supported here' };
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

const table = ({ file, default: chosen, environments }: Listing): string => {
  const rows = environments.map(
    ({ id, kind, program = kind === 'local' ? 'this machine' : kind, problem = '' }) =>
      [id, program, problem].map(printableLine),
  );
  const lines = aligned([['ID', 'PROGRAM', 'PROBLEM'], ...rows]);
  return [...lines, `default for Codex: ${chosen ?? 'none'}; ${printableLine(file)}`]
    .map(line => `${line}\n`)
    .join('');
};

const aligned = (rows: readonly string[][]): string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};

import { ConfigError, type ConfigProblem } from '../codex-config/index.ts';
import { callerValue, callerValueProblem } from './caller-env.ts';
import { readExistingTextFile } from './text-file.ts';

/** Longest file of variables, in bytes. */
const MAX_ENV_FILE_BYTES = 1024 * 1024;

/**
 * Reads variables from a file in the format of `docker run --env-file`: `NAME=VALUE` on each line, the value as it
 * is, without quoting; `NAME` alone takes the caller's value, and nothing if the caller has none. Empty lines and lines
 * that begin with `#` are ignored.
 *
 * @throws {ConfigError} with file and lines, never a value
 */
export const readEnvFile = (file: string): ReadonlyArray<readonly [name: string, value: string]> => {
  const lines = readExistingTextFile(file, MAX_ENV_FILE_BYTES)
    .replace(/^\ufeff/, '')
    .split(/\r?\n/);
  const problems: ConfigProblem[] = [];
  const variables = lines.flatMap((text, index) => {
    const line = text.trimStart();
    if (line === '' || line.startsWith('#')) return [];
    const [name = '', value] = splitVariable(line);
    const taken = value ?? callerValue(name);
    const problem =
      nameProblem(name) ?? (value === undefined ? callerValueProblem(taken) : valueProblem(value));
    if (problem !== undefined) {
      problems.push({ at: { line: index + 1, column: text.length - line.length + 1 }, text: problem });
      return [];
    }
    return taken === undefined ? [] : [[name, taken] as const];
  });
  if (problems.length > 0) throw new ConfigError(file, problems);
  return variables;
};

const splitVariable = (line: string): readonly [name: string, value?: string] => {
  const at = line.indexOf('=');
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at + 1)];
};

// The name is not repeated: without a `=` it may be a piece of a value.
const nameProblem = (name: string): string | undefined => {
  if (name === '') return 'expected NAME=VALUE or NAME, received no name';
  return /[\s\0]/.test(name)
    ? 'expected NAME=VALUE or NAME, received a name with white space or NUL'
    : undefined;
};

const valueProblem = (value: string): string | undefined =>
  value.includes('\0') ? 'the value has a NUL character, which no variable can have' : undefined;

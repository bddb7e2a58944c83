import { ConfigError, type ConfigProblem } from '../codex-config/index.ts';
import { callerValue, isGarbled } from './caller-env.ts';
import { readExistingTextFile } from './text-file.ts';

/** Maximum length of a file of variables, in bytes. */
const MAX_ENV_FILE_BYTES = 1024 * 1024;

/**
 * Reads variables from a file in the format of `docker run --env-file`: `NAME=VALUE` on each line, the value without
 * quoting; `NAME` alone takes the value of the caller's variable, if it is set. Empty lines and lines that begin with
 * `#` are ignored.
 *
 * @throws {ConfigError} with file and lines, never a value
 */
export const readEnvFile = (file: string): ReadonlyArray<readonly [name: string, value: string]> => {
  const lines = readExistingTextFile(file, MAX_ENV_FILE_BYTES).split(/\r?\n/);
  const problems: ConfigProblem[] = [];
  const variables = lines.flatMap((text, index) => {
    const line = text.trimStart();
    if (line === '' || line.startsWith('#')) return [];
    const [name = '', value] = splitVariable(line);
    const assigned = value ?? callerValue(name);
    const problem =
      nameProblem(name) ?? (value === undefined ? callerValueProblem(assigned) : valueProblem(value));
    if (problem !== undefined) {
      problems.push({ at: { line: index + 1, column: text.length - line.length + 1 }, text: problem });
      return [];
    }
    return assigned === undefined ? [] : [[name, assigned] as const];
  });
  if (problems.length > 0) throw new ConfigError(file, problems);
  return variables;
};

const splitVariable = (line: string): readonly [name: string, value?: string] => {
  const at = line.indexOf('=');
  return at < 0 ? [line] : [line.slice(0, at), line.slice(at + 1)];
};

// The message does not quote the name: without `=` it may be a part of a value.
const nameProblem = (name: string): string | undefined => {
  if (name === '') return 'expected NAME=VALUE or NAME, received no name';
  return /[\s\0]/.test(name)
    ? 'expected NAME=VALUE or NAME, received a name with white space or NUL'
    : undefined;
};

const callerValueProblem = (value: string | undefined): string | undefined =>
  isGarbled(value) ? 'the local value is not valid UTF-8' : undefined;

const valueProblem = (value: string): string | undefined =>
  value.includes('\0') ? 'the value contains NUL, which a variable cannot contain' : undefined;

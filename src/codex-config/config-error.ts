import { MAX_PROBLEMS } from './limits.ts';

/** A position in a file; line and column count from 1. */
export type Position = { readonly line: number; readonly column: number };

/** One problem of a configuration file. */
export type ConfigProblem = {
  /** Its position; `undefined` if it has none. */
  readonly at: Position | undefined;
  /** The key, what was expected and what was received. Never the value of a variable. */
  readonly text: string;
};

/** A configuration file that cannot be used, with all its problems. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  /** In the order of the file. */
  readonly problems: readonly ConfigProblem[];

  /** The message has a line for each problem, `FILE:LINE:COLUMN: TEXT`, up to `MAX_PROBLEMS`. */
  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problemLines(file, problems).join('\n'));
    this.file = file;
    this.problems = inOrder(problems);
  }
}

/** Returns `FILE:LINE:COLUMN: TEXT` for each problem in the order of the file, up to `MAX_PROBLEMS`. */
export const problemLines = (file: string, problems: readonly ConfigProblem[]): string[] => {
  const shown = inOrder(problems).slice(0, MAX_PROBLEMS);
  const more = problems.length - shown.length;
  return [
    ...shown.map(({ at, text }) => `${location(file, at)}: ${text}`),
    ...(more > 0 ? [`${file}: and ${more} more`] : []),
  ];
};

const inOrder = (problems: readonly ConfigProblem[]): readonly ConfigProblem[] =>
  [...problems].sort((a, b) => rank(a, 'line') - rank(b, 'line') || rank(a, 'column') - rank(b, 'column'));

const rank = ({ at }: ConfigProblem, part: keyof Position): number => at?.[part] ?? 0;

const location = (file: string, at: Position | undefined): string =>
  at === undefined ? file : `${file}:${at.line}:${at.column}`;

import { MAX_PROBLEMS } from './limits.ts';

/** A place in a file, both counted from 1. */
export type Position = { readonly line: number; readonly column: number };

/** One thing that is wrong in a configuration file. */
export type ConfigProblem = {
  /** Where; `undefined` if it can't be told. */
  readonly at: Position | undefined;
  /** Which key, what was expected and what came. Never the value of a variable. */
  readonly text: string;
};

/** A configuration file that can't be used, with all that is wrong in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  /** In the order of the file. */
  readonly problems: readonly ConfigProblem[];

  /** The message has a line for each problem, `FILE:LINE:COLUMN: TEXT`, up to `MAX_PROBLEMS`. */
  constructor(file: string, problems: readonly ConfigProblem[]) {
    const inOrder = [...problems].sort(
      (a, b) => rank(a, 'line') - rank(b, 'line') || rank(a, 'column') - rank(b, 'column'),
    );
    super(messageOf(file, inOrder));
    this.file = file;
    this.problems = inOrder;
  }
}

const rank = ({ at }: ConfigProblem, part: keyof Position): number => at?.[part] ?? 0;

const messageOf = (file: string, problems: readonly ConfigProblem[]): string => {
  const lines = problems.slice(0, MAX_PROBLEMS).map(({ at, text }) => `${place(file, at)}: ${text}`);
  const more = problems.length - lines.length;
  return [...lines, ...(more > 0 ? [`${file}: and ${more} more`] : [])].join('\n');
};

const place = (file: string, at: Position | undefined): string =>
  at === undefined ? file : `${file}:${at.line}:${at.column}`;

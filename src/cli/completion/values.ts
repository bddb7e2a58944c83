import { printableLine } from '../../core/printable.ts';
import { readEnvironments } from '../config-files.ts';
import { sshHosts } from './ssh-hosts.ts';

/** Answer to a shell: the values for the last word, and what the shell adds to them itself. */
export type Completion = {
  readonly values: readonly Value[];
  /** Files or directories of this machine, after the `=` of an option. */
  readonly paths?: 'files' | 'directories' | undefined;
  /** Index of the word that begins another command line, which the shell completes. */
  readonly commandAt?: number | undefined;
};

/** Complete word; the description is for shells that show one. */
export type Value = { readonly word: string; readonly description?: string | undefined };

/** Values of an option or operand. */
export type Values = {
  /** Name in the help, such as `file`, which decides how a value is completed. */
  readonly placeholder: string;
  readonly choices: readonly string[] | undefined;
};

type Context = {
  /** Value so far. */
  readonly current: string;
  /** True if another machine was selected, whose files are not known here. */
  readonly remote: boolean;
};

/** Completion of a value. */
export const valuesOf = ({ placeholder, choices }: Values, context: Context): Completion =>
  choices === undefined ? (SOURCES[placeholder]?.(context) ?? { values: [] }) : { values: words(choices) };

/** Placeholder in the flags of an option: `file` in `--env-file <file>`. */
export const placeholderOf = (flags: string): string => /<(.+)>/.exec(flags)?.[1] ?? '';

const words = (list: readonly string[]): readonly Value[] => list.map(word => ({ word }));

const variables = (): Completion => ({ values: words(Object.keys(process.env).sort()) });

const SOURCES: Readonly<Record<string, (context: Context) => Completion>> = {
  file: () => ({ values: [], paths: 'files' }),
  dir: ({ remote }) => ({ values: [], paths: remote ? undefined : 'directories' }),
  permissions: () => ({ values: words(['read-only', 'workspace-write']), paths: 'files' }),
  host: ({ current }) => {
    const user = current.slice(0, current.lastIndexOf('@') + 1);
    return { values: words(sshHosts().map(host => `${user}${host}`)) };
  },
  id: () => ({ values: environments() }),
  name: variables,
  'name=value': variables,
  'name[=value]': variables,
};

/** Environments of the default file. An id with characters that a shell interprets is omitted. */
const environments = (): readonly Value[] => {
  try {
    return readEnvironments(undefined)
      .list.filter(({ id, kind }) => kind !== 'url' && /^[\w.@%+-]+$/.test(id))
      .map(environment => ({
        word: environment.id,
        description: environment.kind === 'program' ? printableLine(environment.program) : 'this machine',
      }));
  } catch {
    return [];
  }
};

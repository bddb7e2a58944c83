import * as z from 'zod/mini';
import { variables } from '../shared-config/variables.ts';
import { check, Findings } from './check.ts';
import { ConfigError } from './config-error.ts';
import { MAX_ENVIRONMENT_ID_LENGTH, MAX_TIMEOUT_SECONDS } from './limits.ts';
import { suggestion } from './nearest.ts';
import { isTable, parseToml, type TomlDocument, type TomlPath, type TomlTable } from './toml-document.ts';
import { keyText } from './toml-key.ts';

/** The id of this machine; no entry may have it. */
export const LOCAL_ID = 'local';

/** A machine that runs processes: this one, or the one behind an entry of `environments.toml`. */
export type ConfiguredEnvironment = LocalEnvironment | ProgramEnvironment | UrlEnvironment;

export type LocalEnvironment = { readonly kind: 'local'; readonly id: typeof LOCAL_ID };

/** A server behind a program that runs here; its stdin and stdout are the connection. */
export type ProgramEnvironment = {
  readonly kind: 'program';
  readonly id: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Added to the program's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The working directory of the program, relative to the folder of the file. */
  readonly cwd: string | undefined;
  /** Time limit for the answer to `initialize`, in milliseconds. */
  readonly initializeTimeoutMs: number;
};

/** A server behind a websocket. Codex can reach it, this program cannot. */
export type UrlEnvironment = { readonly kind: 'url'; readonly id: string; readonly line: number };

/** The contents of an `environments.toml`. */
export type EnvironmentsConfig = {
  /** The name of the file in messages. */
  readonly file: string;
  /** This machine, unless the file excludes it, then the entries in their order. */
  readonly list: readonly ConfiguredEnvironment[];
  /** The id of the environment that Codex uses by default; `undefined` if there is none. */
  readonly default: string | undefined;
};

/** Codex's default time limit for the answer to `initialize`. */
const DEFAULT_INITIALIZE_TIMEOUT_SECONDS = 10;

/**
 * Parses an `environments.toml` by the rules of Codex. An empty text, like a missing file, means this machine only.
 *
 * @param file the name of the file in messages
 * @throws {ConfigError} with all problems of the file
 */
export const parseEnvironments = (text: string, file: string): EnvironmentsConfig => {
  const document = parseToml(text, file);
  const findings = new Findings(document);
  const table = check(EnvironmentsFile, document.table, [], findings, {
    knownKeys: path => Object.keys(path.length === 0 ? EnvironmentsFile.shape : Entry.shape),
    elements: path =>
      path.at(-1) === 'environments' ? 'tables, each beginning with [[environments]]' : 'strings',
  });
  const entries = entriesOf(document.table.environments);
  for (const [index, entry] of entries.entries()) {
    if (entry !== undefined) checkEntry(entry, ['environments', index], findings);
  }
  checkIds(entries, findings);
  const known = knownIds(document.table.include_local !== false, entries);
  checkDefault(document.table.default, known, findings);
  findings.throwIfAny();
  return environmentsOf(table as z.output<typeof EnvironmentsFile>, document);
};

/**
 * Returns the environment with this id.
 *
 * @throws {ConfigError} if there is none, or this program cannot use it
 */
export const chooseEnvironment = (
  { file, list }: EnvironmentsConfig,
  id: string,
): LocalEnvironment | ProgramEnvironment => {
  const found = list.find(environment => environment.id === id);
  if (found === undefined)
    throw new ConfigError(file, [{ at: undefined, text: unknownEnvironment(id, list) }]);
  if (found.kind === 'url') {
    const text = `environment ${quoted(id)} has a url, which is not supported; it needs a program`;
    throw new ConfigError(file, [{ at: { line: found.line, column: 1 }, text }]);
  }
  return found;
};

const unknownEnvironment = (id: string, list: readonly ConfiguredEnvironment[]): string => {
  if (id === LOCAL_ID) return '`local` is excluded by include_local = false';
  const ids = list.map(environment => environment.id);
  return `unknown environment ${quoted(id)}${suggestion(id, ids) || knownEnvironments(ids)}`;
};

const knownEnvironments = (ids: readonly string[]): string => {
  const shown = ids.slice(0, MAX_LISTED).map(quoted);
  return shown.length === 0
    ? '; none is configured'
    : `; known: ${shown.join(', ')}${shown.length < ids.length ? ', …' : ''}`;
};

/** Ids that a message lists at most. */
const MAX_LISTED = 10;

const Text = z.string().check(z.refine(text => !text.includes('\0'), 'may not contain NUL'));

const Id = z.string().check(
  z.refine(
    id => /^[A-Za-z0-9_-]+$/.test(id) && id.length <= MAX_ENVIRONMENT_ID_LENGTH,
    `expected 1 to ${MAX_ENVIRONMENT_ID_LENGTH} of A-Z, a-z, 0-9, - and _`,
  ),
  z.refine(id => id !== LOCAL_ID && !isNone(id), `\`${LOCAL_ID}\` and \`none\` are reserved`),
);

const isNone = (id: string): boolean => id.toLowerCase() === 'none';

const Program = Text.check(
  z.trim(),
  z.refine(program => program !== '', 'expected the name or the path of a program, received an empty string'),
);

const Url = z.string().check(
  z.trim(),
  z.refine(
    url => /^wss?:\/\/[^/]/.test(url) && URL.canParse(url),
    'expected a URL that begins with ws:// or wss://, received another string',
  ),
);

const Seconds = z
  .number()
  .check(
    z.refine(
      seconds => seconds >= 0.001 && seconds <= MAX_TIMEOUT_SECONDS,
      `expected seconds, from 0.001 to ${MAX_TIMEOUT_SECONDS}`,
    ),
  );

const Entry = z.strictObject({
  id: Id,
  program: z.optional(Program),
  args: z.optional(z.array(Text)),
  env: z.optional(variables({ nullable: false })),
  cwd: z.optional(Text),
  initialize_timeout_sec: z.optional(Seconds),
  url: z.optional(Url),
  auth_bearer_token: z.optional(z.string()),
  connect_timeout_sec: z.optional(Seconds),
  // Codex's own; it does not concern processes.
  skills: z.optional(z.unknown()),
});

const EnvironmentsFile = z.strictObject({
  default: z.optional(z.string()),
  include_local: z.optional(z.boolean()),
  environments: z.optional(z.array(Entry)),
});

/** The elements of `environments`; `undefined` for one that is not a table. */
const entriesOf = (value: unknown): Array<TomlTable | undefined> =>
  Array.isArray(value) ? value.map(entry => (isTable(entry) ? entry : undefined)) : [];

const checkEntry = (entry: TomlTable, path: TomlPath, findings: Findings): void => {
  const [kind, ...others] = ['program', 'url'].filter(key => entry[key] !== undefined);
  if (kind === undefined) findings.add(path, 'expected a `program`, but it is missing');
  else if (others.length > 0) findings.add([...path, 'url'], 'cannot be combined with `program`');
  else {
    for (const key of kind === 'program' ? ONLY_WITH_URL : ONLY_WITH_PROGRAM) {
      if (entry[key] !== undefined) findings.add([...path, key], `is not allowed together with \`${kind}\``);
    }
  }
};

const ONLY_WITH_PROGRAM = ['args', 'env', 'cwd'] as const;
const ONLY_WITH_URL = ['auth_bearer_token', 'connect_timeout_sec'] as const;

const checkIds = (entries: ReadonlyArray<TomlTable | undefined>, findings: Findings): void => {
  const firsts = new Map<unknown, number>();
  for (const [index, entry] of entries.entries()) {
    if (typeof entry?.id !== 'string') continue;
    const first = firsts.get(entry.id);
    if (first === undefined) firsts.set(entry.id, index);
    else findings.add(['environments', index, 'id'], `duplicate id: environments[${first}] has it already`);
  }
};

const knownIds = (includeLocal: boolean, entries: ReadonlyArray<TomlTable | undefined>): string[] => [
  ...(includeLocal ? [LOCAL_ID] : []),
  ...entries.flatMap(entry => (typeof entry?.id === 'string' ? [entry.id] : [])),
];

const checkDefault = (value: unknown, known: readonly string[], findings: Findings): void => {
  if (typeof value !== 'string') return;
  const id = value.trim();
  if (isNone(id) || known.includes(id)) return;
  findings.add(['default'], `unknown environment ${quoted(id)}${suggestion(id, known)}`);
};

const quoted = (id: string): string => `\`${keyText(id)}\``;

const environmentsOf = (
  {
    default: defaultId,
    include_local: includeLocal = true,
    environments = [],
  }: z.output<typeof EnvironmentsFile>,
  document: TomlDocument,
): EnvironmentsConfig => {
  const local: ConfiguredEnvironment[] = includeLocal ? [{ kind: 'local', id: LOCAL_ID }] : [];
  const id = defaultId?.trim() ?? local[0]?.id;
  return {
    file: document.file,
    list: [...local, ...environments.map((entry, index) => environmentOf(entry, index, document))],
    default: id === undefined || isNone(id) ? undefined : id,
  };
};

const environmentOf = (
  { id, program, args = [], env = {}, cwd, initialize_timeout_sec: seconds }: z.output<typeof Entry>,
  index: number,
  document: TomlDocument,
): ConfiguredEnvironment => {
  if (program === undefined) {
    return { kind: 'url', id, line: document.positionOf(['environments', index])?.line ?? 1 };
  }
  const initializeTimeoutMs = Math.round((seconds ?? DEFAULT_INITIALIZE_TIMEOUT_SECONDS) * 1000);
  return { kind: 'program', id, program, args, env, cwd, initializeTimeoutMs };
};

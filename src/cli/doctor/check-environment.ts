import { posix } from 'node:path';
import type { EnvironmentExplanation, ExecClient, ExecOptions, ProcessEnv } from '../../core/index.ts';
import type { EnvBase } from '../../shared-config/index.ts';
import { LOCALE_NAMES, UTF_8 } from '../../shared-config/index.ts';
import { type CheckResult, MAX_OUTPUT_BYTES } from './finding.ts';

type Client = {
  readonly info: ExecClient['info'];
  explain(env: ProcessEnv, names: readonly string[]): Promise<EnvironmentExplanation>;
  exec(file: string, args: readonly string[], options: ExecOptions): Promise<{ readonly stdout: string }>;
};

type ResolvedBase = NonNullable<EnvironmentExplanation['base']>;

/** Captures the variables of the account's login shell. Returns the base that the server resolved. */
export const checkLoginShell = async (client: Client): Promise<{ base?: EnvBase; result: CheckResult }> => {
  if (client.info.platformOs === 'windows') {
    return { result: { level: 'skipped', message: 'none on Windows' } };
  }
  const { base = NO_BASE } = await client.explain({ policy: { base: INTERACTIVE } }, []);
  return { base: base.base, result: loginShellResult(base, client.info.shell.name) };
};

/** Base with the variables that the user has on a terminal. */
const INTERACTIVE: EnvBase = 'loginInteractive';

const NO_BASE: ResolvedBase = { base: 'process', attempts: [] };

const loginShellResult = ({ base, attempts }: ResolvedBase, shell: string): CheckResult => {
  const data = { base, attempts };
  if (base === INTERACTIVE) {
    const { durationMs, omitted = [] } = attempts.at(-1) ?? {};
    return {
      level: omitted.length === 0 ? 'ok' : 'note',
      message: `variables captured from an interactive login shell in ${durationMs} ms`,
      ...(omitted.length > 0 && {
        details: omitted.map(({ name, reason }) => `not captured: ${name} ${reason}`),
      }),
      data,
    };
  }
  return {
    level: 'warning',
    message:
      base === 'process'
        ? `no variables captured: --base login and ${INTERACTIVE} use those of the server`
        : `variables captured from a non-interactive login shell only: --base ${INTERACTIVE} uses ${base}`,
    details: attempts
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ base, reason = 'no reason given', durationMs }) => `${base}: ${reason} (${durationMs} ms)`),
    advice:
      `check what the start-up files of ${shell} do without a user at the terminal; ` +
      'they can skip it if EXEC_SERVER_RESOLVING_ENVIRONMENT is set',
    data,
  };
};

/**
 * Compares PATH of the server with that of the login shell.
 *
 * @param base the resolved base with the variables of the login shell, if there is one
 */
export const checkPath = async (client: Client, base: EnvBase | undefined): Promise<CheckResult> => {
  if (client.info.platformOs === 'windows') {
    return { level: 'skipped', message: 'no login shell on Windows to compare with' };
  }
  const server = directoriesOf(await variable(client, 'PATH', 'process'));
  if (server.length === 0) {
    return {
      level: 'problem',
      message: 'the server has no PATH',
      advice: NO_PATH,
      data: { server },
    };
  }
  const counted = `${server.length} ${server.length === 1 ? 'directory' : 'directories'}`;
  if (base === undefined || base === 'process') {
    return {
      level: 'ok',
      message: `${counted}, no login shell to compare with`,
      data: { server },
    };
  }
  const login = directoriesOf(await variable(client, 'PATH', base));
  const loginOnly = login.filter(directory => !server.includes(directory));
  const processOnly = server.filter(directory => !login.includes(directory));
  const data = { server, login, loginOnly, processOnly };
  if (loginOnly.length > 0) {
    return {
      level: 'warning',
      message: `lacks ${loginOnly.length} of the ${login.length} directories of the login shell`,
      details: [
        ...listed('only in the login shell', loginOnly),
        ...listed('only in the server', processOnly),
      ],
      advice: `processes do not find the programs of these directories; add them with \`--base ${base}\``,
      data,
    };
  }
  return {
    level: 'ok',
    message: `${counted}, including all of the login shell`,
    details: listed('only in the server', processOnly),
    data,
  };
};

const NO_PATH =
  'processes cannot find programs by name: start the server with a PATH, or set it with `--set`';

const MAX_LISTED = 20;

const listed = (title: string, directories: readonly string[]): string[] => {
  if (directories.length === 0) return [];
  const more = directories.length - MAX_LISTED;
  return [
    `${title}:`,
    ...directories.slice(0, MAX_LISTED).map(directory => `  ${directory}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
};

const directoriesOf = (path: string | undefined): string[] => [
  ...new Set((path ?? '').split(posix.delimiter).filter(directory => directory !== '')),
];

/** Checks that the locale of processes uses UTF-8; the value of the variable is not part of the finding. */
export const checkLocale = async (client: Client): Promise<CheckResult> => {
  if (client.info.platformOs === 'windows') {
    return { level: 'skipped', message: 'not set by variables on Windows' };
  }
  const variables = await readVariables(client, LOCALE_NAMES, 'process');
  const decides = LOCALE_NAMES.find(name => variables.get(name));
  const data = { decides: decides ?? null, utf8: UTF_8.test(variables.get(decides ?? '') ?? '') };
  if (data.utf8) return { level: 'ok', message: `UTF-8 (${decides})`, data };
  return {
    level: 'warning',
    message:
      decides === undefined
        ? `not UTF-8: none of ${LOCALE_NAMES.join(', ')} is set`
        : `not UTF-8: ${decides} selects another character set`,
    advice:
      'text that is not ASCII can be garbled or refused: set LANG on the server to a locale of `locale -a` that ' +
      'ends with UTF-8, or set it for processes with `--set LANG=C.UTF-8`',
    data,
  };
};

const variable = async (client: Client, name: string, base: EnvBase): Promise<string | undefined> =>
  (await readVariables(client, [name], base)).get(name);

/** Reads these variables of a process; no other variable leaves the server. */
const readVariables = async (
  client: Client,
  names: readonly string[],
  base: EnvBase,
): Promise<ReadonlyMap<string, string>> => {
  const { stdout } = await client.exec('/usr/bin/env', ['-0'], {
    // The directory of the server may have been removed.
    cwd: '/',
    env: { policy: { base, includeOnly: [...names] } },
    maxBuffer: MAX_OUTPUT_BYTES,
    reject: false,
  });
  const entries = stdout.split('\0').filter(text => text.includes('='));
  return new Map(entries.map(text => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));
};

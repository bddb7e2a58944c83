import { posix } from 'node:path';
import type { EnvironmentExplanation, ExecClient } from '../../core/index.ts';
import type { EnvBase } from '../../shared-config/index.ts';
import { LOCALE_NAMES, UTF_8 } from '../../shared-config/index.ts';
import { type Finding, MAX_OUTPUT_BYTES } from './finding.ts';

/** What of a client is needed here. */
type Asked = Pick<ExecClient, 'info' | 'explain' | 'start'>;

type BaseTaken = NonNullable<EnvironmentExplanation['base']>;

/** Asks the account's login shell for its environment, and tells which rung of the ladder gave one. */
export const checkLoginShell = async (client: Asked): Promise<{ taken?: EnvBase; finding: Finding }> => {
  if (client.info.platformOs === 'windows') {
    return { finding: { check: 'loginShell', level: 'skipped', message: 'there is none on Windows' } };
  }
  const { base } = await client.explain({ policy: { base: WANTED } }, []);
  // Without a policy there is none; with one the server tells it.
  const taken = base ?? { base: 'process', attempts: [] };
  return { taken: taken.base, finding: findingOf(taken, client.info.shell.name) };
};

/** The rung that has what the user has on a terminal. */
const WANTED: EnvBase = 'loginInteractive';

const findingOf = ({ base, attempts }: BaseTaken, shell: string): Finding => {
  const data = { base, attempts };
  if (base === WANTED) {
    return {
      check: 'loginShell',
      level: 'ok',
      message: `told its environment as on a terminal (${WANTED}) in ${attempts.at(-1)?.durationMs} ms`,
      data,
    };
  }
  return {
    check: 'loginShell',
    level: 'warning',
    message:
      base === 'process'
        ? `told no environment: --base login and ${WANTED} give the server's own`
        : `told its environment without a terminal only: --base ${WANTED} gives ${base}`,
    details: attempts
      .filter(({ outcome }) => outcome === 'failed')
      .map(
        ({ base: tried, reason = 'no reason given', durationMs }) => `${tried}: ${reason} (${durationMs} ms)`,
      ),
    advice:
      `look what the start-up files of ${shell} do without a person at a terminal; ` +
      'they can pass over what hinders where EXEC_SERVER_RESOLVING_ENVIRONMENT is set',
    data,
  };
};

/**
 * Compares PATH as the server has it with the one of the login shell.
 *
 * @param taken what the login shell gave an environment for
 */
export const checkPath = async (client: Asked, taken: EnvBase | undefined): Promise<Finding> => {
  if (client.info.platformOs === 'windows') {
    return { check: 'path', level: 'skipped', message: 'there is no login shell on Windows to compare with' };
  }
  const server = directoriesOf(await variable(client, 'PATH', 'process'));
  if (server.length === 0) {
    return {
      check: 'path',
      level: 'problem',
      message: 'the server has none',
      advice: NO_PATH,
      data: { server },
    };
  }
  const counted = `${server.length} ${server.length === 1 ? 'directory' : 'directories'}`;
  if (taken === undefined || taken === 'process') {
    return {
      check: 'path',
      level: 'ok',
      message: `${counted}; there is none of a login shell to compare with`,
      data: { server },
    };
  }
  const login = directoriesOf(await variable(client, 'PATH', taken));
  const loginOnly = login.filter(directory => !server.includes(directory));
  const processOnly = server.filter(directory => !login.includes(directory));
  const data = { server, login, loginOnly, processOnly };
  if (loginOnly.length > 0) {
    return {
      check: 'path',
      level: 'warning',
      message: `lacks ${loginOnly.length} of the ${login.length} directories that the login shell has`,
      details: [
        ...listed('only by the login shell', loginOnly),
        ...listed('only by the server', processOnly),
      ],
      advice: `programs there are found on a terminal, but not by processes; take them in with --base ${taken}`,
      data,
    };
  }
  return {
    check: 'path',
    level: 'ok',
    message: `${counted}, with all that the login shell has`,
    details: listed('only by the server', processOnly),
    data,
  };
};

const NO_PATH =
  'processes find no program by its bare name: start the server with a PATH, or give one with --set';

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

/** Tells which characters processes have, and which variable says so; not what it says. */
export const checkLocale = async (client: Asked): Promise<Finding> => {
  if (client.info.platformOs === 'windows') {
    return { check: 'locale', level: 'skipped', message: 'no variable decides it on Windows' };
  }
  const variables = await readVariables(client, LOCALE_NAMES, 'process');
  const decides = LOCALE_NAMES.find(name => variables.get(name));
  const data = { decides: decides ?? null, utf8: UTF_8.test(variables.get(decides ?? '') ?? '') };
  if (data.utf8) return { check: 'locale', level: 'ok', message: `UTF-8, by ${decides}`, data };
  return {
    check: 'locale',
    level: 'warning',
    message:
      decides === undefined
        ? `not UTF-8: none of ${LOCALE_NAMES.join(', ')} is set`
        : `not UTF-8: ${decides} names another character set`,
    advice:
      'characters beyond ASCII may be garbled or refused: set LANG there to one of "locale -a" that ends with UTF-8, ' +
      'or give it to processes by --set LANG=C.UTF-8',
    data,
  };
};

const variable = async (client: Asked, name: string, base: EnvBase): Promise<string | undefined> =>
  (await readVariables(client, [name], base)).get(name);

/** These variables as a process there gets them; no other one leaves the machine. */
const readVariables = async (
  client: Asked,
  names: readonly string[],
  base: EnvBase,
): Promise<ReadonlyMap<string, string>> => {
  const child = await client.start({
    argv: ['/usr/bin/env', '-0'],
    env: { policy: { base, includeOnly: [...names] } },
  });
  const { stdout } = await child.collect({ maxBytes: MAX_OUTPUT_BYTES });
  const entries = stdout
    .toString('utf8')
    .split('\0')
    .filter(text => text.includes('='));
  return new Map(entries.map(text => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]));
};

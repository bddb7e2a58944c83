import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NOBODY_UID } from '../../support/accounts.ts';
import { skipUnavailable } from '../../support/skip-unavailable.ts';
import { programPath } from './program.ts';
import { installTerminalPackages } from './terminal-packages.ts';

/** Skips the tests if sandboxes do not work on this machine, and prints the reason; fails on CI. */
export const requireSandbox = (context: Mocha.Context): void => {
  if (process.platform !== 'linux') context.skip();
  const reason = sandboxUnavailable();
  if (reason !== undefined) skipUnavailable(context, reason);
};

/** The reason why sandboxes do not work on this machine, or `undefined` if they do. */
export const sandboxUnavailable = (): string | undefined => {
  if (process.platform !== 'linux') return `sandboxes are not supported on ${process.platform}`;
  const { error, status, stderr } = spawnSync(
    'bwrap',
    ['--unshare-user', '--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', 'true'],
    { encoding: 'utf8' },
  );
  if (error !== undefined) return 'bubblewrap is not installed';
  return status === 0 ? undefined : `bubblewrap cannot create a sandbox on this machine: ${stderr.trim()}`;
};

/** A project and a directory next to it, outside of /tmp, to which sandboxes may have access. */
export type TestDirectories = {
  readonly base: string;
  readonly project: string;
  readonly outside: string;
  /** The command line of a server that runs as the owner of these directories. */
  readonly server: readonly [string, ...string[]];
  remove(): void;
};

/** A PATH with the programs that the tests start in a sandbox. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const isRoot = process.getuid?.() === 0;

/** The accounts that servers run as: that of the tests and, if that is root, one without privileges. */
export const testedAccounts = [
  { name: isRoot ? 'root' : 'this account', unprivileged: false },
  ...(isRoot ? [{ name: 'an account without privileges', unprivileged: true }] : []),
];

/** Creates the directories, owned by the account of the test or by one without privileges. */
export const createTestDirectories = (unprivileged: boolean): TestDirectories => {
  const base = realpathSync(mkdtempSync('/var/tmp/sandbox-test-'));
  const directory = (name: string) => {
    const path = join(base, name);
    mkdirSync(path);
    if (unprivileged) chownSync(path, NOBODY_UID, NOBODY_UID);
    return path;
  };
  const [project, outside] = [directory('project'), directory('outside')];
  chmodSync(base, 0o755);
  if (unprivileged) chownSync(base, NOBODY_UID, NOBODY_UID);
  return {
    base,
    project,
    outside,
    server: unprivileged ? unprivilegedServer(base) : [process.execPath, programPath, '--stdio'],
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
};

// A copy, because that account may be unable to read the program in the project.
const unprivilegedServer = (base: string): [string, ...string[]] => {
  const program = join(base, 'program', 'dist', 'exec-server.cjs');
  mkdirSync(dirname(program), { recursive: true });
  cpSync(programPath, program);
  cpSync(join(programPath, '../../package.json'), join(base, 'program/package.json'));
  installTerminalPackages(join(base, 'program/node_modules'));
  const account = ['--reuid', String(NOBODY_UID), '--regid', String(NOBODY_UID), '--clear-groups'];
  return ['setpriv', ...account, '--', process.execPath, program, '--stdio'];
};

/** A path that Codex names by its role. */
export const special = (kind: string, subpath?: string) => ({
  type: 'special',
  value: { kind, ...(subpath !== undefined && { subpath }) },
});

/** A permission entry as Codex sends it. */
export const entry = (path: object, access: string, more: object = {}) => ({ path, access, ...more });

export const at = (path: string) => ({ type: 'path', path: `file://${path}` });

/** A sandbox as Codex sends it. */
export const sandboxOf = (entries: readonly object[], project = '/', network = 'restricted') => ({
  permissions: { type: 'managed', file_system: { type: 'restricted', entries }, network },
  cwd: `file://${project}`,
  workspaceRoots: [`file://${project}`],
  windowsSandboxLevel: 'disabled',
  windowsSandboxProxySettingsMode: 'reconcile',
  useLegacyLandlock: false,
});

/** The sandbox that Codex sends in the mode `read-only`. */
export const readOnly = (project: string) => sandboxOf([entry(special('root'), 'read')], project);

/** The sandbox that Codex sends in the mode `workspace-write`. */
export const workspaceWrite = (project: string, more: readonly object[] = []) =>
  sandboxOf(
    [
      entry(special('root'), 'read'),
      entry(special('project_roots'), 'write'),
      entry(special('slash_tmp'), 'write'),
      entry(special('tmpdir'), 'write'),
      entry(special('project_roots', '.git'), 'read', { missing_path_behavior: 'skip' }),
      ...more,
    ],
    project,
  );

/** A sandbox with access to system programs and a project only. */
export const onlyProject = (project: string) =>
  sandboxOf([entry(special('minimal'), 'read'), entry(special('project_roots'), 'write')], project);

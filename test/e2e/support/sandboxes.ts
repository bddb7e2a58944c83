import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { programPath } from './program.ts';
import { installTerminalPackages } from './terminal-packages.ts';

/** Skips the tests where no sandbox can be had, with the reason; on CI that is a failure. */
export const needSandbox = (context: Mocha.Context): void => {
  const reason = sandboxMissing();
  if (reason === undefined) return;
  if (process.env.CI && process.platform === 'linux') throw new Error(reason);
  process.stderr.write(`      skipped: ${reason}\n`);
  context.skip();
};

export const sandboxMissing = (): string | undefined => {
  if (process.platform !== 'linux') return `there is no sandbox on ${process.platform}`;
  const { error, status, stderr } = spawnSync(
    'bwrap',
    ['--unshare-user', '--unshare-pid', '--ro-bind', '/', '/', '--proc', '/proc', 'true'],
    { encoding: 'utf8' },
  );
  if (error !== undefined) return 'bubblewrap is not installed';
  return status === 0 ? undefined : `bubblewrap can make no sandbox here: ${stderr.trim()}`;
};

/** A folder outside of /tmp, which sandboxes may be let into: a project, and what lies beside it. */
export type Grounds = {
  readonly base: string;
  readonly project: string;
  readonly outside: string;
  /** A server on these grounds, as the account that they belong to. */
  readonly server: readonly [string, ...string[]];
  clear(): void;
};

export const NOBODY = 65_534;

const isRoot = process.getuid?.() === 0;

/** The accounts that servers run as: that of the tests and, where that one is root, one without privileges. */
export const testedAccounts = [
  { name: isRoot ? 'root' : 'this account', asNobody: false },
  ...(isRoot ? [{ name: 'an account without privileges', asNobody: true }] : []),
];

/** Makes the folder, for the account of the test or for one that may do little. */
export const createGrounds = (asNobody: boolean): Grounds => {
  const base = realpathSync(mkdtempSync('/var/tmp/sandbox-test-'));
  const folder = (name: string) => {
    const path = join(base, name);
    mkdirSync(path);
    if (asNobody) chownSync(path, NOBODY, NOBODY);
    return path;
  };
  const [project, outside] = [folder('project'), folder('outside')];
  chmodSync(base, 0o755);
  if (asNobody) chownSync(base, NOBODY, NOBODY);
  return {
    base,
    project,
    outside,
    server: asNobody ? serverOfNobody(base) : [process.execPath, programPath, '--stdio'],
    clear: () => rmSync(base, { recursive: true, force: true }),
  };
};

// That account may not be able to read the program where it is.
const serverOfNobody = (base: string): [string, ...string[]] => {
  const program = join(base, 'program', 'dist', 'exec-server.cjs');
  mkdirSync(dirname(program), { recursive: true });
  cpSync(programPath, program);
  cpSync(join(programPath, '../../package.json'), join(base, 'program/package.json'));
  installTerminalPackages(join(base, 'program/node_modules'));
  const account = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
  return ['setpriv', ...account, '--', process.execPath, program, '--stdio'];
};

/** A place that is named by its role. */
export const special = (kind: string, subpath?: string) => ({
  type: 'special',
  value: { kind, ...(subpath !== undefined && { subpath }) },
});

/** An entry as Codex sends it. */
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

/** What Codex sends with the mode `read-only`. */
export const readOnly = (project: string) => sandboxOf([entry(special('root'), 'read')], project);

/** What Codex sends with the mode `workspace-write`. */
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

/** Programs and a project, and nothing else. */
export const onlyProject = (project: string) =>
  sandboxOf([entry(special('minimal'), 'read'), entry(special('project_roots'), 'write')], project);

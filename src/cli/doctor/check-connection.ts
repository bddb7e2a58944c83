import {
  ConnectionLostError,
  connect,
  type ExecClient,
  inspectHost,
  type LikelyCauseKind,
  type Target,
} from '../../core/index.ts';
import { countedBytes } from '../../core/start-up-output.ts';
import { version } from '../../protocol/version.ts';
import { shellLine } from '../shell-line.ts';
import type { Finding } from './finding.ts';
import { findLoginShellCommand } from './login-shell.ts';

/** Findings about the connection, with its client if it is open. */
export type ConnectionCheck = { readonly client?: ExecClient; readonly findings: readonly Finding[] };

export type CheckedTarget = {
  readonly target: Target;
  /** True for an entry of a file: its arguments can be secrets, and are not printed. */
  readonly configured: boolean;
};

/** Starts the server and opens a connection to it. */
export const checkConnection = async (
  checked: CheckedTarget,
  timeoutMs: number,
): Promise<ConnectionCheck> => {
  const started = performance.now();
  const sinceStart = () => Math.round(performance.now() - started);
  let firstByteMs: number | undefined;
  try {
    const client = await connect(checked.target, {
      clientName: 'exec-server doctor',
      initializeTimeoutMs: timeoutMs,
      onFirstByte: () => {
        firstByteMs = sinceStart();
      },
    });
    const answeredMs = sinceStart();
    const { platformOs } = client.info;
    const found: Finding = {
      check: 'connection',
      level: 'ok',
      message: `server on ${platformOs}: first byte after ${firstByteMs} ms, answer after ${answeredMs} ms`,
      details: [commandOf(checked)],
      data: { platform: platformOs, firstByteMs, answeredMs },
    };
    const installation = await installationOf(checked.target);
    return { client, findings: [found, ...installation, startUpOutputOf(client), versionsOf(client)] };
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) throw error;
    return {
      findings: [await withLoginShell(failure(error, checked, firstByteMs), error, checked, timeoutMs)],
    };
  }
};

/** Returns the finding about what `connect` has installed on the host of a target that gives a shell. */
const installationOf = async (target: Target): Promise<Finding[]> => {
  if (target.shell === undefined) return [];
  const { directories, installed, runtimes } = await inspectHost(target);
  return [
    {
      check: 'installation',
      level: 'ok',
      message: `installed by this program in ${directories.join(', ')}`,
      details: [...installed, ...runtimes.map(path => `runs with ${path}`)],
      data: { directories, installed, runtimes },
    },
  ];
};

/** Adds a command line that works to the finding about a server that only a login shell finds. */
const withLoginShell = async (
  finding: Finding,
  { likelyCause }: ConnectionLostError,
  { target, configured }: CheckedTarget,
  timeoutMs: number,
): Promise<Finding> => {
  if (target.argv[0] !== 'ssh' || configured || !WRONG_PATH.includes(likelyCause?.kind)) return finding;
  const remoteCommand = await findLoginShellCommand(target, timeoutMs);
  if (remoteCommand === undefined) return finding;
  const line = shellLine(['exec-server', 'doctor', '--ssh', target.label, '--remote-command', remoteCommand]);
  return {
    ...finding,
    advice: `only an interactive login shell of the host finds what is needed. This works: \`${line}\`; use the same option with run`,
    data: { ...finding.data, remoteCommand },
  };
};

/** Causes that another PATH can remove: nvm may have a newer Node than the system. */
const WRONG_PATH: ReadonlyArray<LikelyCauseKind | undefined> = ['nodeMissing', 'nodeTooOld', 'serverMissing'];

const failure = (
  error: ConnectionLostError,
  checked: CheckedTarget,
  firstByteMs: number | undefined,
): Finding => {
  const { likelyCause, startUpOutput, transport } = error;
  const lines = error.message.split('\n');
  if (likelyCause !== undefined) lines.pop();
  const [message = '', ...details] = lines;
  return {
    check: 'connection',
    level: 'problem',
    message,
    details: [...details, commandOf(checked)],
    advice:
      likelyCause === undefined
        ? 'run this command by hand to see its output; if it is only slow, use a longer --timeout'
        : adviceFor(likelyCause, checked),
    data: { firstByteMs, likelyCause: likelyCause?.kind, startUpOutput, transport },
  };
};

const adviceFor = (
  { kind, advice }: NonNullable<ConnectionLostError['likelyCause']>,
  { target, configured }: CheckedTarget,
): string =>
  target.argv[0] === 'ssh' && !configured && kind === 'serverMissing'
    ? `${advice} with --remote-program`
    : advice;

const startUpOutputOf = ({ startUpOutput, info: { shell } }: ExecClient): Finding =>
  startUpOutput === undefined
    ? { check: 'startUpOutput', level: 'ok', message: 'none before the first frame', data: { bytes: 0 } }
    : {
        check: 'startUpOutput',
        level: 'warning',
        message: `${countedBytes(startUpOutput.bytes)} before the first frame`,
        details: [`"${startUpOutput.excerpt}"`],
        advice:
          `harmless to exec-server, but it breaks scp, rsync and git: a start-up file of ${shell.name} prints ` +
          `without a terminal. Print on a terminal only: \`${terminalGuard(shell.name)}\``,
        data: { ...startUpOutput },
      };

const terminalGuard = (shell: string): string => {
  if (shell === 'fish') return 'isatty stdout; and echo …';
  return shell === 'tcsh' || shell === 'csh' ? 'if ($?prompt) echo …' : '[ -t 1 ] && echo …';
};

const versionsOf = ({ info }: ExecClient): Finding => {
  const server = info.executorVersion;
  const data = { client: version, server };
  return server === version
    ? { check: 'version', level: 'ok', message: `exec-server ${version} on both sides`, data }
    : {
        check: 'version',
        level: 'warning',
        message: `exec-server ${version} here, ${server} on the server`,
        advice:
          'install the same version on both sides; what one of them does not support is refused or missing',
        data,
      };
};

const commandOf = ({ target: { argv }, configured }: CheckedTarget): string =>
  configured ? `${argv[0]} (arguments in environments.toml are not shown)` : shellLine(argv);

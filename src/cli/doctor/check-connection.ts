import { ConnectionLostError, connect, type ExecClient, type Target } from '../../core/index.ts';
import { countedBytes } from '../../core/noise.ts';
import { version } from '../../protocol/version.ts';
import type { Finding } from './finding.ts';

/** An open connection, if one came about, and what was seen on the way. */
export type Opened = { readonly client?: ExecClient; readonly findings: readonly Finding[] };

/** How to get to the server, and whether a file says so; its arguments may be secrets then. */
type Place = { readonly target: Target; readonly configured: boolean };

/** Starts the server and opens a connection to it. */
export const checkConnection = async (place: Place, deadlineMs: number): Promise<Opened> => {
  const started = performance.now();
  const sinceStart = () => Math.round(performance.now() - started);
  let firstByteMs: number | undefined;
  try {
    const client = await connect(place.target, {
      clientName: 'exec-server doctor',
      initializeTimeoutMs: deadlineMs,
      onFirstByte: () => {
        firstByteMs = sinceStart();
      },
    });
    const answeredMs = sinceStart();
    const { platformOs } = client.info;
    const found: Finding = {
      check: 'connection',
      level: 'ok',
      message: `a server on ${platformOs}: first byte after ${firstByteMs} ms, answer after ${answeredMs} ms`,
      details: [commandOf(place)],
      data: { platform: platformOs, firstByteMs, answeredMs },
    };
    return { client, findings: [found, ...noiseOf(client), versionsOf(client)] };
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) throw error;
    return { findings: [failure(error, place, firstByteMs)] };
  }
};

const failure = (error: ConnectionLostError, place: Place, firstByteMs: number | undefined): Finding => {
  const { likelyCause, noise, transport } = error;
  const lines = error.message.split('\n');
  if (likelyCause !== undefined) lines.pop();
  const [message = '', ...details] = lines;
  return {
    check: 'connection',
    level: 'problem',
    message,
    details: [...details, commandOf(place)],
    advice:
      likelyCause === undefined
        ? 'run this command by hand and see what it does; if it is only slow, --timeout gives it longer'
        : adviceFor(likelyCause, place),
    data: { firstByteMs, likelyCause: likelyCause?.kind, noise, transport },
  };
};

const adviceFor = (
  { kind, advice }: NonNullable<ConnectionLostError['likelyCause']>,
  { target, configured }: Place,
): string =>
  target.argv[0] === 'ssh' && !configured && kind === 'serverMissing'
    ? `${advice}, by --remote-program`
    : advice;

const noiseOf = ({ noise, info }: ExecClient): Finding[] =>
  noise === undefined
    ? [{ check: 'noise', level: 'ok', message: 'nothing came before the server', data: { bytes: 0 } }]
    : [
        {
          check: 'noise',
          level: 'warning',
          message: `${countedBytes(noise.bytes)} of shell output came before the server`,
          details: [`"${noise.excerpt}"`],
          advice:
            `exec-server passes over them, scp, rsync and git don't: a start-up file of ${info.shell.name} prints ` +
            `without a terminal to print on. Let it do so only if there is one: ${terminalGuard(info.shell.name)}`,
          data: { ...noise },
        },
      ];

const terminalGuard = (shell: string): string => {
  if (shell === 'fish') return 'isatty stdout; and echo …';
  return shell === 'tcsh' || shell === 'csh' ? 'if ($?prompt) echo …' : '[ -t 1 ] && echo …';
};

const versionsOf = ({ info }: ExecClient): Finding => {
  const there = info.executorVersion;
  const data = { here: version, there };
  return there === version
    ? { check: 'version', level: 'ok', message: `exec-server ${version} on both sides`, data }
    : {
        check: 'version',
        level: 'warning',
        message: `exec-server ${version} here, ${there} there`,
        advice: 'install the same version on both sides: what one of them lacks is refused or missing',
        data,
      };
};

/** The command line as a person would type it; for people, not for shells. */
const commandOf = ({ target: { argv }, configured }: Place): string => {
  if (configured) return `${argv[0]} with its arguments from environments.toml`;
  return argv.map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(' ');
};

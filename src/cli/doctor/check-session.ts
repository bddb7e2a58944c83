import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionLostError, connect, type ExecClient, type Target } from '../../core/index.ts';
import { type CheckResult, MAX_OUTPUT_BYTES } from './finding.ts';

/** Time for which the session of the check waits, in milliseconds. */
const KEEP_MS = 60_000;

/** Time for a host to end what outlives a login, in milliseconds. */
const SETTLE_MS = 2000;

/**
 * Opens another connection, cuts it, resumes its session with a process, and ends it.
 *
 * @param client the first connection, which finds the reason if the session does not survive
 */
export const checkSession = async (
  client: ExecClient,
  target: Target,
  timeoutMs: number,
): Promise<CheckResult> => {
  if (target.location === 'local')
    return { level: 'skipped', message: 'the connection to this machine is not lost' };
  let resumed = () => {};
  const resume = new Promise<void>(resolve => {
    resumed = resolve;
  });
  let own: ExecClient | undefined;
  try {
    own = await connect(target, {
      clientName: 'exec-server doctor',
      initializeTimeoutMs: timeoutMs,
      session: { keepMs: KEEP_MS, onEvent: ({ type }) => type === 'resumed' && resumed() },
    });
    return own.session == null ? unavailable(own.sessionUnavailable) : await cutAndResume(own, resume);
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) throw error;
    return own === undefined ? notConnected(error) : notSurvived(error, await killsUserProcesses(client));
  } finally {
    await own?.close();
  }
};

/** @throws {ConnectionLostError} if the session does not survive */
const cutAndResume = async (client: ExecClient, resumed: Promise<void>): Promise<CheckResult> => {
  const child = await client.start({ argv: ['/bin/sh', '-c', 'read line'], cwd: '/', stdin: true });
  const lost = client.closed.then(error => {
    if (error !== undefined) throw error;
  });
  const cut = performance.now();
  client.reconnect('cut by the check');
  await Promise.race([resumed, lost]);
  const milliseconds = Math.round(performance.now() - cut);
  // The end of the first login may end its processes only now.
  await Promise.race([delay(SETTLE_MS), lost]);
  await child.write('\n');
  const { exitCode, reason } = await child.collect({ maxBytes: MAX_OUTPUT_BYTES });
  const data = { resumedMs: milliseconds, exitCode, reason };
  return exitCode === 0
    ? { level: 'ok', message: `survives a lost connection: resumed after ${milliseconds} ms`, data }
    : {
        level: 'warning',
        message: 'survives a lost connection, but its process was ended',
        advice: SURVIVE,
        data,
      };
};

const unavailable = (reason = 'this server keeps no sessions'): CheckResult => ({
  level: 'note',
  message: 'does not survive a lost connection: run --keep has no effect',
  details: [reason],
  data: { unavailable: reason },
});

const notConnected = ({ message }: ConnectionLostError): CheckResult => ({
  level: 'warning',
  message: 'not checked: a second connection could not be opened, as it is after a lost one',
  details: message.split('\n'),
  advice: 'check the limits of connections on the host, such as MaxSessions and MaxStartups of sshd',
});

const notSurvived = ({ message }: ConnectionLostError, killed: boolean): CheckResult => ({
  level: 'warning',
  message: 'does not survive a lost connection',
  details: message.split('\n'),
  advice: killed
    ? `systemd ends the processes of a login with it (KillUserProcesses=yes). ${SURVIVE}`
    : `the host, or the container, ends the processes of a connection with it. ${SURVIVE}`,
  data: { killUserProcesses: killed },
});

const SURVIVE =
  'On a host with systemd, `loginctl enable-linger` and ' +
  "`--remote-command 'exec systemd-run --user --scope --quiet exec-server --stdio'` start the server outside of the login; " +
  'an administrator can also add the account to KillExcludeUsers in logind.conf';

/** True if systemd ends the processes of a login with it, according to its configuration. */
const killsUserProcesses = async (client: ExecClient): Promise<boolean> => {
  const { stdout } = await client
    .exec('busctl', PROPERTY, { reject: false, maxBuffer: MAX_OUTPUT_BYTES })
    .catch(() => ({ stdout: '' }));
  return stdout.trim() === 'b true';
};

const PROPERTY = [
  'get-property',
  'org.freedesktop.login1',
  '/org/freedesktop/login1',
  'org.freedesktop.login1.Manager',
  'KillUserProcesses',
];

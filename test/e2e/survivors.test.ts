import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { fixturePath, programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { describeWithSshd, startSshd } from './support/sshd.ts';
import { pipeDirectoriesOf, survivorsBelow } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
/** Processes get a second to end, and those that are not ended run forever: the rest is for slow machines. */
const WITHIN_MS = 30_000;

/** The ways in which a server ends. */
const ways: Record<string, (client: RawClient, server: number) => void> = {
  'the end of its stdin': client => client.server.stdin.end(),
  'SIGTERM of the server': (_, server) => process.kill(server, 'SIGTERM'),
  'SIGHUP of the server': (_, server) => process.kill(server, 'SIGHUP'),
  'SIGINT of the server': (_, server) => process.kill(server, 'SIGINT'),
  'SIGKILL of the server': (_, server) => process.kill(server, 'SIGKILL'),
  'SIGKILL of the client': client => client.server.kill('SIGKILL'),
};

type Kind = {
  readonly script: string;
  readonly start?: object;
  /** The notification after which the process runs. */
  readonly once: 'process/output' | 'process/exited' | 'process/closed';
};

const IGNORES_SIGNALS = 'trap "" TERM HUP INT; : > up; echo ready; while :; do sleep 1; done';
const IN_OWN_SESSION = `setsid sh -c '${IGNORES_SIGNALS}'`;
const JOB = `(${IGNORES_SIGNALS})`;
const STDIN_ONLY = `exec 3<&0; ${IN_OWN_SESSION} <&3 3<&- >/dev/null 2>&1`;
const ON_TTY = { tty: true };
const WITH_LONG_DRAIN = { drainMs: 600_000 };
const WITHOUT_DRAIN = { drainMs: 0 };

/** A shell that starts a background process and stays. */
const staying = (background: string, start: object = {}): Kind => ({
  script: `${background} & until [ -e up ]; do sleep 0.01; done; echo ready; wait`,
  start,
  once: 'process/output',
});

/** A shell that starts a background process and exits. */
const leaving = (background: string, start: object = {}): Kind => ({
  script: `${background} & until [ -e up ]; do sleep 0.01; done`,
  start,
  once: 'drainMs' in start && start.drainMs !== 0 ? 'process/exited' : 'process/closed',
});

/** The processes that must end with the server. */
const kinds: Record<string, Kind> = {
  obedient: { script: 'echo ready; sleep 600', once: 'process/output' },
  stopped: { script: 'echo ready; kill -STOP $$', once: 'process/output' },
  'ignoring signals': { script: IGNORES_SIGNALS, once: 'process/output' },
  'ignoring signals on a tty': { script: IGNORES_SIGNALS, start: ON_TTY, once: 'process/output' },
  'in another session with our pipe': staying(IN_OWN_SESSION),
  'in another session with our stdin only': staying(STDIN_ONLY, { pipeStdin: true }),
  'in another session with our tty': staying(IN_OWN_SESSION, ON_TTY),
  'a job in another group with our tty': staying(`set -m; ${JOB}`, ON_TTY),
  'left by a shell, with our pipe': leaving(JOB, WITH_LONG_DRAIN),
  'left by a shell, with a pipe that was closed': leaving(JOB, WITHOUT_DRAIN),
  'left by a shell, with none of our pipes': leaving(`${JOB} >/dev/null 2>&1 </dev/null`),
  'left by a shell in another session, with our pipe': leaving(IN_OWN_SESSION, WITH_LONG_DRAIN),
  'left by a shell in another session, with a pipe that was closed': leaving(IN_OWN_SESSION, WITHOUT_DRAIN),
  'left by a shell in another session, with our stdin only': leaving(STDIN_ONLY, { pipeStdin: true }),
  'left by a shell in another session, with our tty': leaving(IN_OWN_SESSION, {
    ...ON_TTY,
    ...WITH_LONG_DRAIN,
  }),
  'left by a shell in another session, with a tty that was closed': leaving(IN_OWN_SESSION, {
    ...ON_TTY,
    ...WITHOUT_DRAIN,
  }),
  'left by a shell in another group, with a tty that was closed': leaving(`set -m; ${JOB}`, {
    ...ON_TTY,
    ...WITHOUT_DRAIN,
  }),
};

/** A process in its own session that has closed all streams. */
const DAEMON = 'a daemon';
const daemon = leaving(`${IN_OWN_SESSION} >/dev/null 2>&1 </dev/null`);

/** A place for servers: the command line of a client that has the pipes of one open. */
type Place = { readonly client: readonly [string, ...string[]]; stop(): Promise<void> };

const local = async (): Promise<Place> => ({
  client: [process.execPath, fixturePath('relays-stdio.js'), process.execPath, programPath, '--stdio'],
  stop: async () => {},
});

const overSsh = async (): Promise<Place> => {
  const sshd = await startSshd({ remotePath: PATH });
  const [ssh, ...options] = sshd.sshCommand as [string, ...string[]];
  return {
    client: [ssh, ...options, sshd.host, `'${process.execPath}' '${programPath}' --stdio`],
    stop: () => sshd.stop(),
  };
};

const survivors = (startPlace: () => Promise<Place>) => {
  let place: Place;
  let root: string;
  const clients: RawClient[] = [];
  const servers: number[] = [];
  const directories: string[] = [];

  before(async () => {
    place = await startPlace();
  });

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
  });

  afterEach(() => {
    for (const { pid } of runningProcesses()) kill(pid);
    rmSync(root, { recursive: true });
  });

  // Checked once for all tests: servers and watchdogs may take a second longer to exit than the processes they end.
  after(async () => {
    for (const { server } of clients) server.kill('SIGKILL');
    await Promise.all(clients.map(({ ended }) => ended));
    await until(() => !servers.some(isRunning), 'a server is still running');
    expect(directories).to.have.lengthOf(servers.length);
    await until(() => !directories.some(existsSync), 'the pipes of a server are left');
    await place.stop();
  });

  const open = async () => {
    const client = await RawClient.open({ argv: place.client });
    clients.push(client);
    const { pid } = await client.request('server/status');
    servers.push(pid);
    return { client, server: pid as number };
  };

  const start = async (client: RawClient, name: string, { script, start, once }: Kind) => {
    const cwd = join(root, name);
    mkdirSync(cwd);
    const argv = ['sh', '-c', script];
    await client.request('process/start', { processId: name, argv, cwd, env: { PATH }, ...start });
    await client.waitFor(
      `${once} of ${name}`,
      ({ method, params }) => method === once && params.processId === name,
    );
  };

  const runningProcesses = () =>
    survivorsBelow(root).map(([directory, process]) => ({
      kind: basename(directory),
      process,
      pid: Number.parseInt(process, 10),
    }));
  const survivors = () => runningProcesses().filter(({ kind }) => kind !== DAEMON);

  for (const [way, die] of Object.entries(ways)) {
    it(`do not exist after ${way}, except for a daemon`, async () => {
      const { client, server } = await open();
      const all = Object.entries({ ...kinds, [DAEMON]: daemon });
      await Promise.all(all.map(([name, kind]) => start(client, name, kind)));
      const alive = new Set(runningProcesses().map(({ kind }) => kind));
      expect(all.map(([name]) => name).filter(name => !alive.has(name))).to.deep.equal([]);

      directories.push(...pipeDirectoriesOf(server));

      const deadline = performance.now() + WITHIN_MS;
      die(client, server);
      while (survivors().length > 0 && performance.now() < deadline) await delay(20);
      const cells = survivors().map(({ kind, process }) => `${way} × ${kind}: ${process}`);
      const daemons = runningProcesses().filter(({ kind }) => kind === DAEMON);
      expect(cells, 'survivors').to.deep.equal([]);
      expect(daemons, 'daemons').not.to.deep.equal([]);
    });
  }
};

describe('the survivors of a server on local pipes', () => survivors(local));

describeWithSshd('the survivors of a server over a real sshd', () => survivors(overSsh));

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has exited.
  }
};

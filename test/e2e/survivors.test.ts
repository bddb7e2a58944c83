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
/** What is to go is given a second, and what isn't ended stays for ever: in between there is room for a slow machine. */
const WITHIN_MS = 30_000;

/** How a server comes to its end. */
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
  /** What has happened when it is there. */
  readonly once: 'process/output' | 'process/exited' | 'process/closed';
};

const STUBBORN = 'trap "" TERM HUP INT; : > up; echo ready; while :; do sleep 1; done';
const APART = `setsid sh -c '${STUBBORN}'`;
const JOB = `(${STUBBORN})`;
const STDIN_ONLY = `exec 3<&0; ${APART} <&3 3<&- >/dev/null 2>&1`;
const ON_TTY = { tty: true };
const UNCUT = { drainMs: 600_000 };
const CUT = { drainMs: 0 };

/** A shell that has started something in the background and stays. */
const staying = (background: string, start: object = {}): Kind => ({
  script: `${background} & until [ -e up ]; do sleep 0.01; done; echo ready; wait`,
  start,
  once: 'process/output',
});

/** A shell that has started something in the background and has exited. */
const leaving = (background: string, start: object = {}): Kind => ({
  script: `${background} & until [ -e up ]; do sleep 0.01; done`,
  start,
  once: 'drainMs' in start && start.drainMs !== 0 ? 'process/exited' : 'process/closed',
});

/** What has to go with the server. */
const kinds: Record<string, Kind> = {
  obedient: { script: 'echo ready; sleep 600', once: 'process/output' },
  stopped: { script: 'echo ready; kill -STOP $$', once: 'process/output' },
  'ignoring signals': { script: STUBBORN, once: 'process/output' },
  'ignoring signals on a tty': { script: STUBBORN, start: ON_TTY, once: 'process/output' },
  'in another session with our pipe': staying(APART),
  'in another session with our stdin only': staying(STDIN_ONLY, { pipeStdin: true }),
  'in another session with our tty': staying(APART, ON_TTY),
  'a job in another group with our tty': staying(`set -m; ${JOB}`, ON_TTY),
  'left by a shell, with our pipe': leaving(JOB, UNCUT),
  'left by a shell, with a pipe that was cut': leaving(JOB, CUT),
  'left by a shell, with none of our pipes': leaving(`${JOB} >/dev/null 2>&1 </dev/null`),
  'left by a shell in another session, with our pipe': leaving(APART, UNCUT),
  'left by a shell in another session, with a pipe that was cut': leaving(APART, CUT),
  'left by a shell in another session, with our stdin only': leaving(STDIN_ONLY, { pipeStdin: true }),
  'left by a shell in another session, with our tty': leaving(APART, { ...ON_TTY, ...UNCUT }),
  'left by a shell in another session, with a tty that was cut': leaving(APART, { ...ON_TTY, ...CUT }),
  'left by a shell in another group, with a tty that was cut': leaving(`set -m; ${JOB}`, {
    ...ON_TTY,
    ...CUT,
  }),
};

/** Has left the group and closed all streams. */
const DAEMON = 'a daemon';
const daemon = leaving(`${APART} >/dev/null 2>&1 </dev/null`);

/** Where servers run: the arguments of a client that holds the pipes of one, and what is to be ended afterwards. */
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
    for (const { pid } of inhabitants()) kill(pid);
    rmSync(root, { recursive: true });
  });

  // Servers and watchdogs may take a second longer than what they end; the next test need not wait for them.
  after(async () => {
    for (const { server } of clients) server.kill('SIGKILL');
    await Promise.all(clients.map(({ ended }) => ended));
    await until(() => !servers.some(isThere), 'a server is left');
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

  const inhabitants = () =>
    survivorsBelow(root).map(([directory, process]) => ({
      kind: basename(directory),
      process,
      pid: Number.parseInt(process, 10),
    }));
  const left = () => inhabitants().filter(({ kind }) => kind !== DAEMON);

  for (const [way, die] of Object.entries(ways)) {
    it(`are none after ${way}, but for a daemon`, async () => {
      const { client, server } = await open();
      const all = Object.entries({ ...kinds, [DAEMON]: daemon });
      await Promise.all(all.map(([name, kind]) => start(client, name, kind)));
      const alive = new Set(inhabitants().map(({ kind }) => kind));
      expect(all.map(([name]) => name).filter(name => !alive.has(name))).to.deep.equal([]);

      directories.push(...pipeDirectoriesOf(server));

      const deadline = performance.now() + WITHIN_MS;
      die(client, server);
      while (left().length > 0 && performance.now() < deadline) await delay(20);
      const cells = left().map(({ kind, process }) => `${way} × ${kind}: ${process}`);
      const daemons = inhabitants().filter(({ kind }) => kind === DAEMON);
      expect(cells, 'survivors').to.deep.equal([]);
      expect(daemons, 'daemons').not.to.deep.equal([]);
    });
  }
};

describe('the survivors of a server on local pipes', () => survivors(local));

describeWithSshd('the survivors of a server over a real sshd', () => survivors(overSsh));

const isThere = (pid: number): boolean => {
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
    // It has ended meanwhile.
  }
};

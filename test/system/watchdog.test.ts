import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { expect } from 'chai';
import { readProc } from '../../src/system/process-table.ts';
import { Watchdog } from '../../src/system/watchdog.ts';
import { until } from '../support/until.ts';
import { Children, fixture, isRunning, untilStartTimesAreLaterThan } from './support/children.ts';
import { type Call, WatchedServer } from './support/watched-server.ts';

const unshared = process.getuid?.() === 0 ? (['unshare', '-m'] as const) : (['unshare', '-rm'] as const);

const SHELLS = [['/bin/sh'], ['dash'], ['bash', '--norc', '--posix'], ['busybox', 'sh']] as const;

describe('Watchdog', () => {
  const children = new Children();
  const servers: WatchedServer[] = [];
  let root: string;
  let directory: string;
  let terminals = 0;

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'exec-server-test-'));
    directory = mkdtempSync(join(root, 'ünder way-'));
  });

  afterEach(async () => {
    const watchdogs = servers.flatMap(({ watchdog }) => watchdog ?? []);
    await Promise.all(servers.splice(0).map(server => server.kill()));
    await children.end();
    await until(() => !watchdogs.some(isRunning), `watchdogs are left: ${watchdogs}`);
    rmSync(root, { recursive: true, force: true });
  });

  const start = (shell?: readonly string[]): WatchedServer => {
    const server = new WatchedServer(shell);
    servers.push(server);
    return server;
  };

  const namedPipe = (): string => {
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(directory, '7')]);
    return join(directory, '7');
  };

  /** Waits until the watchdog has finished and all processes but the spared ones are gone. */
  const expectLeft = async (
    watchdog: number | undefined,
    pids: Record<string, number>,
    spared: string[],
  ): Promise<void> => {
    const left = () => Object.keys(pids).filter(name => isRunning(pids[name] ?? 0));
    await until(() => watchdog === undefined || !isRunning(watchdog), 'the watchdog is still at work');
    await until(
      () => left().every(name => spared.includes(name)),
      `processes other than ${spared.join() || 'none'} are left`,
    );
    expect(left()).to.deep.equal(spared);
  };

  for (const shell of shells()) {
    describe(`with ${[basename(shell[0]), ...shell.slice(1)].join(' ')}`, () => {
      it('ends exactly the groups and the holders of pipes, and removes the directory', async () => {
        const server = start(shell);
        const pipe = namedPipe();
        const termFile = join(root, 'term');
        const pids = {
          stubborn: await children.start('ignores-term-and-hup.sh'),
          obedient: await children.start('says-term.sh', termFile),
          holder: await children.start('starts-holder.sh', pipe),
          bystander: await children.start('ignores-term-and-hup.sh'),
        };
        await server.call(['useDirectory', directory], ['add', pids.stubborn], ['add', pids.obedient]);
        const { watchdog } = server;
        await server.kill();
        await expectLeft(watchdog, pids, ['bystander']);
        expect(readFileSync(termFile, 'utf8')).to.equal('TERM\n');
        expect(existsSync(directory)).to.equal(false);
      });

      it('knows what was registered just before SIGKILL', async () => {
        const server = start(shell);
        const stubborn = await children.start('ignores-term-and-hup.sh');
        await server.callAndDie(['add', stubborn]);
        await until(() => !isRunning(stubborn), 'the group is still alive');
      });

      it('spares who is unregistered, and keeps numbers apart that begin alike', async () => {
        const server = start(shell);
        const [first, second, third, fourth] = [
          await children.start('ignores-term-and-hup.sh'),
          await children.start('ignores-term-and-hup.sh'),
          await children.start('ignores-term-and-hup.sh'),
          await children.start('ignores-term-and-hup.sh'),
        ];
        await server.call(
          ...[first, second, first, third, fourth].map((pid): Call => ['add', pid]),
          // Once more than needed, from the ends and from between.
          ...[fourth, first, first].map((pid): Call => ['remove', pid]),
          ['add', first * 100_000],
          ['remove', first * 100_000],
          ['add', second * 100_000],
          ['remove', second * 100_000],
          ['remove', third],
          // A removal is sent with this line at the latest.
          ['add', fourth],
        );
        const { watchdog } = server;
        await server.kill();
        await expectLeft(watchdog, { first, second, third, fourth }, ['first', 'third']);
      });

      it('takes 5,000 registrations', async () => {
        const server = start(shell);
        const stubborn = await children.start('ignores-term-and-hup.sh');
        const beyond = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) + 1;
        const groups = Array.from({ length: 5000 }, (_, index) => beyond + index);
        const added = groups.map((pgid): Call => ['add', pgid]);
        const removed = groups.filter(pgid => pgid % 2 === 0).map((pgid): Call => ['remove', pgid]);
        await server.call(...added, ['add', stubborn], ...removed);
        // So many lines wait in the server until the shell has read the first ones: SIGKILL would lose them.
        await server.call(['end']);
        await until(() => !isRunning(stubborn), 'the group is still alive');
      });

      it('ends the holders of its terminals, not those of others', async function () {
        if (findProgram('script') === undefined) this.skip();
        const server = start(shell);
        const ours = { open: await terminal(), cut: await terminal(), changed: await terminal() };
        const others = { open: await terminal(), cut: await terminal(), removed: await terminal() };
        const all = Object.values({ ...ours, othersOpen: others.open, othersCut: others.cut });
        await server.call(...[...all, others.removed].map(({ path }): Call => ['addTerminal', path]), [
          'removeTerminal',
          others.removed.path,
        ]);
        const { watchdog } = server;
        await renew(ours.changed.path);
        await server.call(['addTerminal', ours.changed.path]);
        // These have the names of ours only, and times of their own.
        await renew(others.open.path);
        await renew(others.cut.path);
        for (const { owner } of [ours.cut, others.cut, others.removed]) process.kill(owner, 'SIGKILL');
        await server.kill();
        const pids = Object.fromEntries([
          ...Object.entries(ours).map(([name, { pid }]) => [`our ${name}`, pid]),
          ...Object.entries(others).map(([name, { pid }]) => [`others' ${name}`, pid]),
        ]);
        await expectLeft(watchdog, pids, ["others' open", "others' cut", "others' removed"]);
      });

      it('reads no names that others choose: no process is killed for a file that another one has open', async function () {
        if (process.getuid?.() !== 0) this.skip();
        const server = start(shell);
        const pipe = namedPipe();
        const victim = await children.start('ignores-term-and-hup.sh');
        const hostile = await children.start('names-victim.sh', String(victim), pipe, join(root, 'open'));
        const holder = await children.start('starts-holder.sh', pipe);
        await server.call(['useDirectory', directory]);
        const { watchdog } = server;
        await server.kill();
        await expectLeft(watchdog, { victim, hostile, holder }, ['victim', 'hostile']);
      });

      it('knows a holder whatever its program is called', async () => {
        const server = start(shell);
        const pipe = namedPipe();
        const holder = await children.start('odd-name.sh', pipe);
        await server.call(['useDirectory', directory]);
        const { watchdog } = server;
        await server.kill();
        await expectLeft(watchdog, { holder }, []);
      });

      it('spares who has a file of the same name in another mount namespace', async function () {
        const server = start(shell);
        namedPipe();
        const ours = await children.start('starts-holder.sh', join(directory, '7'));
        const [inNamespace, ...rest] = unshared;
        const child = spawn(inNamespace, [...rest, 'sh', fixture('holds-in-namespace.sh'), directory], {
          detached: true,
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        children.add(child.pid ?? 0);
        const [line] = await Promise.race([once(child.stdout, 'data'), once(child.stdout, 'end')]);
        // No namespaces for this user.
        if (line === undefined) this.skip();
        const stranger = Number.parseInt(String(line), 10);
        await server.call(['useDirectory', directory]);
        const { watchdog } = server;
        await server.kill();
        await expectLeft(watchdog, { stranger, ours }, ['stranger']);
      });

      it('spares who is older than the server and was handed a descriptor', async () => {
        const pipe = namedPipe();
        const master = await children.start('holds-pipe.sh', pipe);
        await untilStartTimesAreLaterThan(master);
        const server = start(shell);
        const holder = await children.start('starts-holder.sh', pipe);
        await server.call(['useDirectory', directory]);
        const { watchdog } = server;
        await server.kill();
        await expectLeft(watchdog, { master, holder }, ['master']);
      });

      it('removes the directory and exits immediately if nothing is registered', async () => {
        const server = start(shell);
        await server.call(['useDirectory', directory]);
        const { watchdog } = server;
        await server.call(['end']);
        expect(isRunning(watchdog ?? 0)).to.equal(false);
        expect(existsSync(directory)).to.equal(false);
      });

      it('lets SIGHUP, SIGINT, SIGTERM and SIGQUIT pass', async () => {
        const server = start(shell);
        const stubborn = await children.start('ignores-term-and-hup.sh');
        await server.call(['add', stubborn]);
        const watchdog = server.watchdog ?? 0;
        await until(() => isReading(watchdog), 'the watchdog has not begun to read');
        for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT']) process.kill(watchdog, signal);
        await server.kill();
        await expectLeft(watchdog, { stubborn }, []);
      });

      it('kills a server that does not exit in the time that it gave itself', async () => {
        const server = start(shell);
        await server.call(['add', await children.start('ignores-term-and-hup.sh')]);
        await server.call(['end', 300]);
        // Its channel to this test keeps it alive.
        expect(await server.exited).to.deep.equal([null, 'SIGKILL']);
      });

      it('leaves nothing behind that waits for the exit of a server', async () => {
        const server = start(shell);
        await server.call(['add', await children.start('ignores-term-and-hup.sh')]);
        const { watchdog } = server;
        await server.call(['end', 600_000]);
        server.release();
        expect(await server.exited).to.deep.equal([0, null]);
        const waiting = () => [...readProc().values()].filter(({ sid }) => sid === watchdog);
        await until(() => waiting().length === 0, 'something still waits');
      });
    });
  }

  it('ends the registered processes on request', async () => {
    const server = start();
    const pids = {
      stubborn: await children.start('ignores-term-and-hup.sh'),
      unregistered: await children.start('ignores-term-and-hup.sh'),
    };
    await server.call(['add', pids.stubborn], ['add', pids.unregistered], ['remove', pids.unregistered]);
    await server.call(['end'], ['end']);
    expect(server.watchdog).to.equal(undefined);
    await until(() => !isRunning(pids.stubborn), 'the group is still alive');
    expect(isRunning(pids.unregistered)).to.equal(true);
    await server.call(['add', pids.unregistered], ['end']);
    expect(server.watchdog).to.equal(undefined);
  });

  it('starts with the first registration and ends quietly without any', async () => {
    const server = start();
    await server.call(['remove', 4711], ['addTerminal', '/dev/ttys003'], ['useDirectory', '/']);
    expect(server.watchdog).to.equal(undefined);
    await server.call(['end']);
    expect(server.logged).to.deep.equal(['the watchdog cannot guard the directory "/"']);
  });

  it('learns soon that a group is unregistered, without another line', async () => {
    const server = start();
    const spared = await children.start('ignores-term-and-hup.sh');
    await server.call(['add', spared]);
    const { watchdog } = server;
    await until(() => isReading(watchdog ?? 0), 'the watchdog is not at work');
    const line = `- ${spared}\n`;
    const told = bytesRead(watchdog ?? 0) + line.length;
    await server.call(['remove', spared]);
    await until(() => bytesRead(watchdog ?? 0) >= told, 'the watchdog has read nothing');
    await server.kill();
    await expectLeft(watchdog, { spared }, ['spared']);
  });

  it('is started again when it dies, and told everything', async () => {
    const server = start();
    const stubborn = await children.start('ignores-term-and-hup.sh');
    const later = await children.start('ignores-term-and-hup.sh');
    await server.call(['useDirectory', directory], ['add', stubborn]);
    const first = server.watchdog ?? 0;
    process.kill(first, 'SIGKILL');
    await until(() => ![undefined, first].includes(server.watchdog), 'no new watchdog');
    await server.call(['add', later]);
    const { watchdog } = server;
    await server.kill();
    await expectLeft(watchdog, { stubborn, later }, []);
    expect(existsSync(directory)).to.equal(false);
    expect(server.logged).to.deep.equal([]);
  });

  it('says in one line when it has died twice, and the server goes on', async () => {
    const server = start();
    const stubborn = await children.start('ignores-term-and-hup.sh');
    await server.call(['add', stubborn]);
    const first = server.watchdog ?? 0;
    process.kill(first, 'SIGKILL');
    await until(() => ![undefined, first].includes(server.watchdog), 'no new watchdog');
    process.kill(server.watchdog ?? 0, 'SIGKILL');
    await until(() => server.logged.length > 0, 'nothing is logged');
    await server.call(['add', stubborn], ['remove', stubborn], ['add', stubborn], ['end']);
    expect(server.logged).to.deep.equal([
      'no watchdog: processes will outlive this server if it is killed (ended with SIGKILL)',
    ]);
    expect(server.watchdog).to.equal(undefined);
    expect(isRunning(stubborn)).to.equal(true);
  });

  it('says in one line when the shell cannot be started', async () => {
    const server = start(['/none/sh']);
    await server.call(['useDirectory', directory], ['add', 4711], ['addTerminal', '/dev/pts/99999']);
    await until(() => server.logged.length > 0, 'nothing is logged');
    await server.call(['add', 4712], ['remove', 4711], ['end']);
    expect(server.logged).to.deep.equal([
      'no watchdog: processes will outlive this server if it is killed (spawn /none/sh ENOENT)',
    ]);
  });

  it('shares nothing with the server and says what it is', async () => {
    const server = start();
    await server.call(['useDirectory', directory]);
    const pid = server.watchdog ?? 0;
    await until(() => isReading(pid), 'the watchdog has not begun to read');
    const { sid, pgid, name } = readProc().get(pid) ?? {};
    expect({ sid, pgid, name }).to.deep.equal({ sid: pid, pgid: pid, name: 'exec-watchdog' });
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).to.deep.equal([
      '/bin/sh',
      '-c',
      'eval "$EXEC_SERVER_SCRIPT"',
      'exec-server-watchdog',
      '',
    ]);
    expect(readlinkSync(`/proc/${pid}/cwd`)).to.equal('/');
    expect(descriptors(pid)).to.deep.equal(['0', '1', '2']);
    expect(readlinkSync(`/proc/${pid}/fd/1`)).to.equal('/dev/null');
    expect(readlinkSync(`/proc/${pid}/fd/2`)).to.equal('/dev/null');
    expect(environmentNames(pid)).to.deep.equal(['EXEC_SERVER_SCRIPT', 'LC_ALL', 'PATH']);
  });

  it('does not keep the server alive', async () => {
    const server = start();
    const stubborn = await children.start('ignores-term-and-hup.sh');
    await server.call(['add', stubborn]);
    const { watchdog } = server;
    server.release();
    await server.exited;
    await expectLeft(watchdog, { stubborn }, []);
  });

  it('does nothing on Windows', async () => {
    const logged: string[] = [];
    const watchdog = new Watchdog({ platform: 'win32', log: line => logged.push(line) });
    watchdog.useDirectory(directory);
    watchdog.add(4711);
    expect(watchdog.pid).to.equal(undefined);
    await watchdog.end();
    expect(logged).to.deep.equal([]);
  });

  /** A terminal whose only user ignores that it goes away; `owner` has the other side. */
  const terminal = async (): Promise<{ owner: number; pid: number; path: string }> => {
    terminals += 1;
    const report = join(root, `terminal-${terminals}`);
    const command = `sh '${fixture('names-terminal.sh')}' '${report}'`;
    const owner = spawn('script', ['-qc', command, '/dev/null'], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    }).pid;
    children.add(owner ?? 0);
    await until(() => existsSync(report), 'the terminal has not opened');
    const [pid, path = ''] = readFileSync(report, 'utf8').trim().split(' ');
    children.add(readProc().get(Number(pid))?.pgid ?? 0);
    return { owner: owner ?? 0, pid: Number(pid), path };
  };
});

/** Gives a terminal another time of origin, as another terminal of the same name has, in the same second even. */
const renew = async (path: string): Promise<void> => {
  const timeOf = () => statSync(path, { bigint: true }).ctimeNs;
  const before = timeOf();
  await until(() => {
    chmodSync(path, 0o600);
    return timeOf() !== before;
  }, 'the time does not change');
};

/** Every shell of this machine that a /bin/sh may be, each once. */
function shells(): [string, ...string[]][] {
  const found = new Map<string, [string, ...string[]]>();
  for (const [name, ...args] of SHELLS) {
    const path = findProgram(name);
    const program = path === undefined ? '' : realpathSync(path);
    if (path !== undefined && !found.has(program)) found.set(program, [path, ...args]);
  }
  return [...found.values()];
}

function findProgram(name: string): string | undefined {
  const directories = (process.env.PATH ?? '').split(delimiter);
  return directories.map(directory => resolve(directory, name)).find(path => existsSync(path));
}

/**
 * Whether it says its name, which it does after it has begun to ignore signals, and sleeps, which it only does when
 * it has read all of its input.
 */
const isReading = (pid: number): boolean => {
  const { name, state } = readProc().get(pid) ?? {};
  return name === 'exec-watchdog' && state === 'S';
};

/** How much it has read since it began, from whatever. */
const bytesRead = (pid: number): number =>
  Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);

const environmentNames = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .flatMap(entry => /^([A-Z_]+)=/.exec(entry)?.[1] ?? [])
    .toSorted();

/** Its open descriptors, without those that the test runner has inherited. */
const descriptors = (pid: number): string[] => {
  const everybodys = new Set(readdirSync('/proc/self/fd').map(fd => `${fd} ${linkOf('self', fd)}`));
  return readdirSync(`/proc/${pid}/fd`).filter(
    fd => Number(fd) <= 2 || !everybodys.has(`${fd} ${linkOf(pid, fd)}`),
  );
};

const linkOf = (pid: number | 'self', fd: string): string => {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return 'closed';
  }
};

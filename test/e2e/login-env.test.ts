import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { connect } from '../../src/core/index.ts';
import { currentHost } from '../../src/server/index.ts';
import { makeHome, removeHome } from '../server/environment/login/support/homes.ts';
import { filesForAnyShell, shellNames } from '../server/environment/login/support/shells.ts';
import { until } from '../support/until.ts';
import { runCli, startCli } from './support/cli.ts';
import { RawClient } from './support/raw-client.ts';
import { startRemoteHost } from './support/remote-host.ts';
import { describeWithSshd } from './support/sshd.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

/** The login shell of the account that runs the tests. */
const shell = basename(currentHost(process.env, () => {}).loginShell ?? 'none');
const describeWithShell = ['sh', ...shellNames].includes(shell) ? describe : describe.skip;

describeWithShell(`the login environment of this account, whose shell is ${shell}`, () => {
  const homes: string[] = [];
  const clients: RawClient[] = [];

  afterEach(async () => {
    await Promise.all(clients.splice(0).map(client => client.close()));
    for (const home of homes.splice(0)) {
      if (process.platform === 'linux') await waitForNoSurvivorsIn(home);
      removeHome(home);
    }
  });

  const connectAt = async (profile: Parameters<typeof filesForAnyShell>[0]) => {
    const home = makeHome(filesForAnyShell(profile));
    homes.push(home);
    const client = await RawClient.open({ env: { ...process.env, HOME: home, PLANTED: 'of the server' } });
    clients.push(client);
    const start = (processId: string, base: string, argv: string[]) =>
      client.ask('process/start', { processId, argv, cwd: home, envPolicy: { base } });
    return { client, home, start };
  };

  /** Waits until a start-up file has begun to hang. */
  const waitUntilHung = async (home: string) =>
    until(() => existsSync(join(home, 'ready')), 'no shell is running');

  it('has the variables of the start-up files and none of the server only', async () => {
    const { client, start } = await connectAt(({ set }) => [set('FROM_PROFILE', 'a b')]);
    for (const base of ['login', 'loginInteractive']) {
      const script = 'echo $FROM_PROFILE $PLANTED; [ "$HOME" = "$PWD" ] && echo home';
      const { result } = await start(base, base, ['/bin/sh', '-c', script]);
      expect(result.envBase.base).to.equal(base);
      expect((await client.finished(base)).stdout.toString()).to.equal('a b\nhome\n');
    }
  });

  it('lets the shell finish if the connection ends before it answers, and leaves no process', async () => {
    const { client, home, start } = await connectAt(() => [
      'touch ready',
      "sh -c 'while [ ! -e go ]; do sleep 0.01; done; echo noise'",
      'touch finished',
    ]);
    const refused = start('p', 'login', ['touch', 'started']);
    await waitUntilHung(home);
    expect(await client.close()).to.equal(0);
    expect((await refused).error?.data).to.deep.equal({ kind: 'shuttingDown' });
    writeFileSync(join(home, 'go'), '');
    await until(() => existsSync(join(home, 'finished')), 'the shell did not finish');
    if (process.platform === 'linux') await waitForNoSurvivorsIn(home);
    expect(existsSync(join(home, 'started'))).to.equal(false);
  });

  it('leaves no process when the server is killed before the shell answers', async () => {
    const { client, home, start } = await connectAt(() => ['touch ready', 'sleep 600']);
    start('p', 'login', ['true']).catch(() => {});
    await waitUntilHung(home);
    // The shell may be faster than the server, which registers its group with the watchdog after it has started.
    await client.ask('server/status', {});
    client.server.kill('SIGKILL');
    await client.ended;
    if (process.platform === 'linux') await waitForNoSurvivorsIn(home);
  });
});

describeWithShell(`run with a login environment, whose shell is ${shell}`, () => {
  let home: string | undefined;

  afterEach(async () => {
    if (home === undefined) return;
    if (process.platform === 'linux') await waitForNoSurvivorsIn(home);
    removeHome(home);
  });

  const homeWith = (lines: readonly string[]): { cwd: string; env: NodeJS.ProcessEnv } => {
    home = makeHome(filesForAnyShell(() => lines));
    return { cwd: home, env: { ...process.env, HOME: home } };
  };
  const ARGS = ['--base', 'loginInteractive', '--', '/bin/echo', 'ran'];

  it('reports another base than requested, with the reason, unless it is quiet', async () => {
    const options = homeWith(["exec sh -c 'exit 3'"]);
    const reason = `${shell} exited with code 3 without printing its environment`;
    const message = `exec-server: --base loginInteractive failed, using process: ${reason}\n`;
    const { stdout, ...ended } = await runCli(['run', ...ARGS], options);
    expect({ ...ended, stdout: stdout.toString() }).to.deep.equal({
      stdout: 'ran\n',
      stderr: message,
      end: 0,
    });
    expect((await runCli(['run', '--quiet', ...ARGS], options)).stderr).to.equal('');
    expect((await runCli(['env', '--base', 'loginInteractive'], options)).stderr).to.equal(message);
    expect((await runCli(['run', '--', '/bin/true'], options)).stderr).to.equal('');
  });

  it('reports what it waits for', async () => {
    const wait = 'sh -c "until [ -e go ]; do sleep 0.01; done"';
    const options = homeWith([wait]);
    const { child, finished } = startCli(['run', ...ARGS], options);
    child.stdin.end();
    const [text] = await once(child.stderr, 'data');
    writeFileSync(join(options.cwd, 'go'), '');
    const expected = `waiting up to 10 s for the login shell ${shell} (--base loginInteractive)`;
    expect(String(text))
      .to.match(/^exec-server: [^\n]+\n$/)
      .and.contain(expected);
    expect((await finished).end).to.equal(0);
  });
});

describeWithSshd('the login environment over a real sshd', () => {
  it('has the variables that a session without login lacks', async () => {
    const host = await startRemoteHost();
    try {
      const files = filesForAnyShell(({ set }) => [set('FROM_PROFILE', '1')]);
      for (const [name, text] of Object.entries(files)) {
        if (!name.includes('/')) writeFileSync(join(host.sshd.home, name), text);
      }
      const client = await connect(host.target, { localEnv: host.coreEnv });
      const print = async (base: 'process' | 'login') => {
        const child = await client.start({
          argv: ['/usr/bin/env'],
          env: { policy: { base } },
        });
        return (await child.collect()).stdout.toString().split('\n');
      };
      const [plain, login] = [await print('process'), await print('login')];
      await client.close();
      expect(plain).to.include(`PATH=${host.path}`).and.not.include('FROM_PROFILE=1');
      expect(login).to.include(`HOME=${host.sshd.home}`);
      if (['sh', 'bash', 'zsh', 'dash', 'tcsh'].includes(shell)) expect(login).to.include('FROM_PROFILE=1');
      expect(
        [plain, login].map(lines => lines.some(line => line.startsWith('SSH_CONNECTION='))),
      ).to.deep.equal([true, true]);
    } finally {
      await host.stop();
    }
  });

  it('ends with the connection, while the shell finishes', async () => {
    const host = await startRemoteHost();
    const at = (name: string) => join(host.sshd.home, name);
    try {
      const wait = "sh -c 'touch ready; while [ ! -e go ]; do sleep 0.01; done; echo noise'";
      for (const [name, text] of Object.entries(filesForAnyShell(() => [wait, 'touch finished']))) {
        if (!name.includes('/')) writeFileSync(at(name), text);
      }
      const client = await connect(host.target, { localEnv: host.coreEnv });
      const start = client.start({ argv: ['true'], env: { policy: { base: 'login' } } });
      const refused = start.catch((error: unknown) => (error as Error).message);
      await until(() => existsSync(at('ready')), 'no shell is running');
      await client.close();
      expect(await refused).to.equal('the server is shutting down');
      expect(existsSync(at('finished'))).to.equal(false);
      writeFileSync(at('go'), '');
      await until(() => existsSync(at('finished')), 'the shell did not finish');
      if (process.platform === 'linux') await waitForNoSurvivorsIn(host.sshd.home);
    } finally {
      await host.stop();
    }
  });
});

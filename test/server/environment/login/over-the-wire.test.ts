import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { currentHost, type Host } from '../../../../src/server/index.ts';
import { waitForNoSurvivorsIn } from '../../../e2e/support/survivors.ts';
import { until } from '../../../support/until.ts';
import { makeHome, removeHome } from './support/homes.ts';
import { LineClient } from './support/line-client.ts';
import { describeWithShell } from './support/shells.ts';

/** Longer than a shell takes to come so far, and than a test holds it. */
const LONG_MS = 50_000;

const PATH = '/usr/local/bin:/usr/bin:/bin';
const OWN = { PATH, OWN: 'of the server', A: 'of the server' };

type Attempt = { readonly base: string; readonly outcome: string; readonly durationMs: number };

/** A reported base without its durations. */
const told = (taken: { base: string; attempts: readonly Attempt[] }) => ({
  base: taken.base,
  attempts: taken.attempts.map(({ durationMs, ...attempt }) => {
    expect(durationMs).to.be.a('number');
    return attempt;
  }),
});

const LOGIN = { base: 'login' };

const taken = (base: string) => ({ base, outcome: 'resolved' });
const failed = (base: string, reason: string) => ({ base, outcome: 'failed', reason });

describeWithShell('bash', 'a start with another base', shell => {
  const clients: LineClient[] = [];
  const homes: string[] = [];

  afterEach(async () => {
    await Promise.all(clients.splice(0).map(({ server }) => server.stop('the test is over')));
    for (const home of homes.splice(0)) {
      if (process.platform === 'linux') await waitForNoSurvivorsIn(home);
      removeHome(home);
    }
  });

  /** A client of a server whose account has these lines in its files. */
  const connect = (
    profile: readonly string[],
    {
      interactive = [],
      loginShellMs = LONG_MS,
      ...host
    }: { interactive?: string[]; loginShellMs?: number } & Partial<Host> = {},
  ) => {
    const home = makeHome(shell.files(profile, interactive));
    homes.push(home);
    const here = { ...currentHost({}, () => {}), env: OWN, homeDir: home, loginShell: shell.path, ...host };
    const client = new LineClient({ host: here, loginShellMs });
    clients.push(client);
    const start = (processId: string, envPolicy: object | undefined, argv: string[], more: object = {}) =>
      client.ask('process/start', { processId, argv, cwd: home, envPolicy, ...more });
    return { client, home, start };
  };

  /** Lines that wait until the test makes a file, and say when they do. */
  const HOLD = ['touch ready', 'while [ ! -e go ]; do sleep 0.01; done'];
  const isHeld = (home: string) => until(() => existsSync(join(home, 'ready')), 'the shell is not held');
  const letGo = (home: string) => writeFileSync(join(home, 'go'), '');

  it('gets the variables that the login shell exports, and reports the base', async () => {
    const { client, start } = connect(['export A=login B=login'], { interactive: ['export B=interactive'] });
    const print = ['printenv', 'A', 'B'];
    const [login, interactive] = [
      await start('login', { base: 'login' }, print),
      await start('interactive', { base: 'loginInteractive' }, print),
    ];
    expect([await client.output('login'), await client.output('interactive')]).to.deep.equal([
      'login\nlogin\n',
      'login\ninteractive\n',
    ]);
    expect([told(login.result.envBase), told(interactive.result.envBase)]).to.deep.equal([
      { base: 'login', attempts: [taken('login')] },
      { base: 'loginInteractive', attempts: [taken('loginInteractive')] },
    ]);
  });

  it('applies the policy to the login environment', async () => {
    const { client, start } = connect(['export KEPT=1 GONE=1 MY_TOKEN=1']);
    const policy = { base: 'login', exclude: ['GO*'], set: { SET: '1' } };
    const { result } = await start('p', policy, ['env'], { env: { LAID: '1', HOME: null } });
    const names = (await client.output('p')).split('\n').map(line => line.split('=')[0]);
    expect(names).to.include.members(['KEPT', 'SET', 'LAID', 'PATH']).and.not.include('OWN');
    expect(names).not.to.include.oneOf(['GONE', 'MY_TOKEN', 'HOME']);
    // PWD is set, too.
    expect(result.environment).to.include({ removed: 3, set: 3 });
  });

  it('uses the environment of the server if no shell answers, and reports the reason', async () => {
    const { client, start } = connect(['exit 3']);
    const { result } = await start('p', { base: 'loginInteractive' }, ['printenv', 'A']);
    const reason = 'bash exited with code 3 without printing its environment';
    expect(told(result.envBase)).to.deep.equal({
      base: 'process',
      attempts: [failed('loginInteractive', reason), failed('login', reason)],
    });
    expect(await client.output('p')).to.equal('of the server\n');
  });

  for (const base of ['login', 'loginInteractive']) {
    it(`passes awkward values of base ${base} unchanged`, async () => {
      const { client, start } = connect([
        "greet() { echo 'hello'; }; export -f greet",
        "export EMPTY= LINES='a\n\nb=c\n' LONG=$(printf '%*s' 130000 x)",
        'export PATH=":bin:$PATH:"',
        'unset LANG',
      ]);
      const { result } = await start(base, { base }, ['env', '-0']);
      expect(result.envBase.base).to.equal(base);
      const env = Object.fromEntries(
        (await client.output(base)).split('\0').map(text => text.split(/=(.*)/s).slice(0, 2)),
      );
      expect(env).to.include({ EMPTY: '', LINES: 'a\n\nb=c\n', LONG: 'x'.padStart(130_000) });
      expect(env.PATH).to.match(/^:bin:\/.*\/bin:$/);
      expect(env).not.to.have.any.keys('LANG');
      await start(`${base} function`, { base }, ['bash', '-c', 'greet']);
      expect(await client.output(`${base} function`)).to.equal('hello\n');
    });
  }

  it('keeps a HOME with a slash at its end', async () => {
    const { client, home } = connect([]);
    const slash = connect([], { homeDir: `${home}/` });
    const start = (to: LineClient) =>
      to.ask('process/start', { processId: 'p', argv: ['printenv', 'HOME'], cwd: '/', envPolicy: LOGIN });
    await Promise.all([start(client), start(slash.client)]);
    expect([await client.output('p'), await slash.client.output('p')]).to.deep.equal([
      `${home}\n`,
      `${home}/\n`,
    ]);
  });

  it('reports that files export more than a program can get', async () => {
    const { client, start } = connect(["export LONG=$(printf '%*s' 140000 x)"]);
    const { result } = await start('p', LOGIN, ['printenv', 'OWN']);
    expect(await client.output('p')).to.equal('of the server\n');
    expect(told(result.envBase)).to.deep.equal({
      base: 'process',
      attempts: [
        failed(
          'login',
          'bash exited with code 126 without printing its environment: it cannot run /usr/bin/env, as if its files export a variable of 128 KiB or more, or too many variables',
        ),
      ],
    });
  });

  it('waits no longer than loginShellMs', async () => {
    const { start } = connect(['sleep 600'], { loginShellMs: 100 });
    const { result } = await start('p', { base: 'login' }, ['true']);
    expect(told(result.envBase).attempts).to.deep.equal([
      failed('login', 'bash did not answer within 100 ms'),
    ]);
  });

  it('reports the variables that are not in the environment, by name', async () => {
    const { client, start } = connect([`trap 'export LAST=planted$((n+=1))' DEBUG`, 'export A=login']);
    const { result } = await start('p', { base: 'login' }, ['printenv', 'A', 'LAST']);
    const omitted = [{ name: 'LAST', reason: 'changes while it is read' }];
    expect(told(result.envBase)).to.deep.equal({
      base: 'login',
      attempts: [{ ...taken('login'), omitted }],
    });
    expect(await client.output('p')).to.equal('login\n');
    expect(JSON.stringify([client.messages, client.log])).not.to.contain('planted');
  });

  it('reports after two seconds that it waits, once for all requests', async () => {
    const { client, home, start } = connect(['sh -c ": >ready; until [ -e go ]; do sleep 0.01; done"']);
    const starts = ['1', '2'].map(id => start(id, { base: 'login' }, ['true']));
    const { params } = await client.waitFor(({ method }) => method === 'environment/waiting');
    letGo(home);
    await Promise.all(starts);
    expect(params).to.deep.include({ base: 'login', shell: shell.path, waitedMs: 2000, limitMs: LONG_MS });
    expect(client.messages.filter(({ method }) => method === 'environment/waiting')).to.have.length(1);
    expect(client.log).to.deep.equal([
      `waiting for ${shell.path} to print its environment (login), 2000 ms so far`,
    ]);
  });

  it('reports no base without a policy', async () => {
    const { start } = connect(['exit 3']);
    for (const [at, policy] of [undefined, {}, { base: 'process' }, { base: null }].entries()) {
      const { result } = await start(String(at), policy, ['true'], { env: { PATH } });
      expect(result).to.have.all.keys('processId', 'sandboxType', 'pid', 'environment');
    }
  });

  it('is refused for a base that there is not', async () => {
    const { start } = connect([]);
    const { error } = await start('p', { base: 'shell' }, ['true']);
    expect(error?.data).to.deep.equal({ kind: 'invalidParams', field: 'envPolicy.base' });
  });

  it('shares one run of the shell with other starts', async () => {
    const { home, start } = connect(['echo run >>runs', 'export A=login']);
    await Promise.all(Array.from({ length: 20 }, (_, at) => start(String(at), { base: 'login' }, ['true'])));
    expect(readFileSync(join(home, 'runs'), 'utf8')).to.equal('run\n');
  });

  describe('while it waits for the shell', () => {
    it('delays no other request', async () => {
      const { client, home, start } = connect(HOLD);
      const waiting = start('waiting', { base: 'login' }, ['true']);
      await isHeld(home);
      await start('other', {}, ['echo', 'done']);
      expect(await client.output('other')).to.equal('done\n');
      expect((await client.ask('server/status', {})).result.processes).to.equal(1);
      letGo(home);
      expect((await waiting).result.envBase.base).to.equal('login');
    });

    it('reserves its id, and accepts no input', async () => {
      const { client, home, start } = connect(HOLD);
      const waiting = start('p', { base: 'login' }, ['cat'], { pipeStdin: true });
      await isHeld(home);
      const again = await start('p', {}, ['true']);
      const write = await client.ask('process/write', { processId: 'p', chunk: '', writeId: '1' });
      expect([again.error?.data.kind, write.result]).to.deep.equal(['processExists', { status: 'starting' }]);
      letGo(home);
      await waiting;
    });

    it('is not started after process/terminate, and releases its id', async () => {
      const { client, home, start } = connect(HOLD);
      const waiting = start('p', { base: 'login' }, ['touch', 'started']);
      await isHeld(home);
      const { result } = await client.ask('process/terminate', { processId: 'p' });
      expect([result, (await waiting).error]).to.deep.equal([
        { running: false },
        {
          code: -32600,
          message: 'process p was terminated before it had started',
          data: { kind: 'startCancelled', processId: 'p' },
        },
      ]);
      const next = start('p', { base: 'login' }, ['echo', 'next']);
      letGo(home);
      await next;
      expect(await client.output('p')).to.equal('next\n');
      expect(existsSync(join(home, 'started'))).to.equal(false);
    });

    it('is not started after the end of the connection', async () => {
      const { client, home, start } = connect(HOLD);
      const waiting = start('p', { base: 'login' }, ['touch', 'started']);
      await isHeld(home);
      client.end();
      await client.server.closed;
      expect((await waiting).error?.data).to.deep.equal({ kind: 'shuttingDown' });
      letGo(home);
      if (process.platform === 'linux') await waitForNoSurvivorsIn(home);
      expect(existsSync(join(home, 'started'))).to.equal(false);
    });

    it('is refused before the shell runs if it is invalid', async () => {
      const { home, start } = connect(HOLD);
      const refused = [
        await start('cwd', { base: 'login' }, ['true'], { cwd: 'relative' }),
        await start('sandbox', { base: 'login' }, ['true'], {
          sandbox: { permissions: { type: 'external' } },
        }),
      ];
      expect(refused.map(({ error }) => error?.data.kind)).to.deep.equal(['invalidParams', 'unsupported']);
      expect(existsSync(join(home, 'ready'))).to.equal(false);
    });
  });

  it('is explained by environment/explain, too', async () => {
    const { client } = connect(['export KEPT=planted']);
    const { result } = await client.ask('environment/explain', {
      envPolicy: { base: 'login' },
      names: ['KEPT', 'OWN'],
    });
    expect([told(result.base), result.variables]).to.deep.equal([
      { base: 'login', attempts: [taken('login')] },
      { KEPT: { outcome: 'kept' }, OWN: { outcome: 'absent' } },
    ]);
    expect(JSON.stringify(client.messages)).not.to.contain('planted');
  });

  it('reports the base of PATH if the program is not found', async () => {
    const { start } = connect(['export PATH=/only/here']);
    const { error } = await start('p', { base: 'loginInteractive' }, ['no-such-program']);
    expect(error?.data).to.include({ kind: 'launchFailed', stage: 'resolve' });
    expect([error?.data.searchedPath, error?.data.pathFrom]).to.deep.equal([
      ['/only/here'],
      { outcome: 'kept', base: 'loginInteractive' },
    ]);
  });
});

describeWithShell('bash', 'environment/refresh', shell => {
  let home: string;
  let client: LineClient;

  beforeEach(() => {
    home = makeHome(shell.files(['export A="$(cat value)"']));
    writeFileSync(join(home, 'value'), 'old');
    const host = { ...currentHost({}, () => {}), env: OWN, homeDir: home, loginShell: shell.path };
    client = new LineClient({ host, loginShellMs: LONG_MS });
  });

  afterEach(async () => {
    await client.server.stop('the test is over');
    removeHome(home);
  });

  let starts = 0;
  const valueNow = async () => {
    const processId = `p${++starts}`;
    await client.ask('process/start', {
      processId,
      argv: ['printenv', 'A'],
      cwd: home,
      envPolicy: { base: 'login' },
    });
    return (await client.output(processId)).trim();
  };

  it('runs the shell again, whose environment is cached otherwise', async () => {
    expect(await valueNow()).to.equal('old');
    writeFileSync(join(home, 'value'), 'new');
    expect(await valueNow()).to.equal('old');
    const { result } = await client.ask('environment/refresh', { base: 'login' });
    expect(told(result)).to.deep.equal({ base: 'login', attempts: [taken('login')] });
    expect(await valueNow()).to.equal('new');
  });

  it('only discards the cache without a base', async () => {
    expect(await valueNow()).to.equal('old');
    writeFileSync(join(home, 'value'), 'new');
    expect((await client.ask('environment/refresh', {})).result).to.deep.equal({
      base: 'process',
      attempts: [],
    });
    expect(await valueNow()).to.equal('new');
  });

  it('is refused for a base that there is not', async () => {
    const { error } = await client.ask('environment/refresh', { base: 'shell' });
    expect([error?.data, error?.message]).to.deep.equal([
      { kind: 'invalidParams', field: 'base' },
      'base: expected one of "process", "login", "loginInteractive", received another string',
    ]);
  });

  it('repeats a failed attempt', async () => {
    writeFileSync(join(home, '.bash_profile'), 'exit 1\n');
    expect(await valueNow()).to.equal('of the server');
    writeFileSync(join(home, '.bash_profile'), 'export A=fixed\n');
    expect(await valueNow()).to.equal('of the server');
    await client.ask('environment/refresh', { base: 'loginInteractive' });
    expect(await valueNow()).to.equal('fixed');
  });

  it('runs one shell at a time, however many calls there are', async () => {
    writeFileSync(join(home, '.bash_profile'), 'mkdir one || touch two\nsleep 0.05\nrmdir one\n');
    await Promise.all(Array.from({ length: 10 }, () => client.ask('environment/refresh', { base: 'login' })));
    expect(existsSync(join(home, 'two'))).to.equal(false);
  });
});

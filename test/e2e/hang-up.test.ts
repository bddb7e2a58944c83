import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { RawClient } from './support/raw-client.ts';
import { requireSandbox, workspaceWrite } from './support/sandboxes.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const READY = 'ready:';
/** A grace that no test waits for: what ends before it was not killed. */
const NEVER_MS = 600_000;

const BASH = ['bash', '--norc', '-i'];
const INTERACTIVE: Readonly<Record<string, readonly string[]>> = {
  bash: BASH,
  dash: ['dash', '-i'],
  fish: ['fish', '--no-config', '-i'],
  tcsh: ['tcsh', '-f', '-i'],
  zsh: ['zsh', '-f', '-i'],
};

describe('the end of a process on a terminal', () => {
  let client: RawClient;
  let cwd: string;

  beforeEach(async () => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
    client = await RawClient.open();
  });

  afterEach(async () => {
    await client.close();
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  const start = (processId: string, argv: readonly string[], more: object = {}) =>
    client.request('process/start', {
      processId,
      argv,
      cwd,
      env: { PATH, HOME: cwd, PS1: READY, TERM: 'dumb', HISTFILE: join(cwd, 'history') },
      tty: true,
      killGraceMs: NEVER_MS,
      ...more,
    });
  const screen = (processId: string) =>
    client.messages
      .filter(({ method, params }) => method === 'process/output' && params.processId === processId)
      .map(({ params }) => Buffer.from(params.chunk, 'base64').toString())
      .join('');
  const type = (processId: string, text: string) =>
    client.request('process/write', { processId, chunk: Buffer.from(text).toString('base64') });
  const shows = (processId: string, text: string) =>
    client.waitFor(`"${text}" on the screen`, () => screen(processId).includes(text));
  /** Types a command and waits for a text that only its output contains. */
  const run = async (processId: string, command: string, output: string) => {
    await type(processId, `${command}\n`);
    await shows(processId, output);
  };
  const terminate = async (processId: string) => {
    await client.request('process/terminate', { processId });
    return client.finished(processId);
  };
  const file = (name: string) => readFileSync(join(cwd, name), 'utf8');

  for (const [name, argv] of Object.entries(INTERACTIVE)) {
    it(`does not take the grace: an interactive ${name}`, async () => {
      await start(name, argv);
      await run(name, 'expr 1100 + 11', '1111');
      const { exited, closed } = await terminate(name);
      expect([exited.reason, exited.signal === 'SIGKILL', closed.holders]).to.deep.equal([
        'terminated',
        false,
        undefined,
      ]);
    });
  }

  it('lets bash write its history, and its EXIT trap print to the terminal', async () => {
    await start('bash', BASH);
    await run('bash', "trap 'echo on the screen' EXIT; expr 1100 + 11", '1111');
    const { pty } = await terminate('bash');
    expect([
      file('history').includes('expr 1100'),
      pty.toString().endsWith('on the screen\r\n'),
    ]).to.deep.equal([true, true]);
  });

  it('lets zsh write its history and run its EXIT trap', async () => {
    // With -f it would write no history.
    writeFileSync(join(cwd, '.zshrc'), 'SAVEHIST=10 HISTSIZE=10');
    await start('zsh', ['zsh', '-d', '-i']);
    await run('zsh', 'trap "echo bye > trapped" EXIT; expr 1100 + 11', '1111');
    await terminate('zsh');
    expect([file('trapped'), file('history').includes('expr 1100')]).to.deep.equal(['bye\n', true]);
  });

  it('lets a job in the foreground handle SIGHUP, in a group of its own', async () => {
    writeFileSync(
      join(cwd, 'job'),
      'trap "sleep 0.3; echo saved >saved; exit" HUP; echo $((1100 + 11)); while :; do sleep 0.01; done',
    );
    await start('bash', BASH);
    await run('bash', 'sh ./job', '1111');
    await terminate('bash');
    await until(() => existsSync(join(cwd, 'saved')), 'the job was killed');
  });

  it('ends a job that ignores SIGHUP by SIGTERM', async () => {
    writeFileSync(
      join(cwd, 'job'),
      'trap "" HUP; trap "echo ended >ended; exit" TERM; echo $((1100 + 11)); while :; do sleep 0.01; done',
    );
    await start('bash', BASH);
    await run('bash', 'sh ./job & disown', '1111');
    await terminate('bash');
    await until(() => existsSync(join(cwd, 'ended')), 'the job was killed');
  });

  it('spares a job that has closed the terminal', async () => {
    await start('bash', BASH);
    await run(
      'bash',
      'nohup sleep 600 >/dev/null 2>&1 </dev/null & disown; echo pid=$!; expr 1100 + 11',
      '1111',
    );
    await terminate('bash');
    const pid = Number(/pid=(\d+)/.exec(screen('bash'))?.[1]);
    expect(process.kill(pid, 'SIGKILL')).to.equal(true);
  });

  it('takes SIGTERM for a process that ignores SIGHUP, and SIGKILL for one that ignores both', async () => {
    const ignoring = (signals: string) => ['sh', '-c', `trap "" ${signals}; echo ${READY}; exec sleep 600`];
    await start('nohup', ignoring('HUP'));
    await start('both', ignoring('HUP TERM'), { killGraceMs: 0 });
    const signals = [];
    for (const id of ['nohup', 'both']) {
      await shows(id, READY);
      signals.push((await terminate(id)).exited.signal);
    }
    expect(signals).to.deep.equal(['SIGTERM', 'SIGKILL']);
  });

  it('is the same at a timeout', async () => {
    await start('bash', BASH, { timeoutMs: 1 });
    const { exited } = await client.finished('bash');
    expect([exited.signal, exited.reason]).to.deep.equal(['SIGHUP', 'timeout']);
  });

  it('is the same at the end of the connection', async () => {
    await start('bash', BASH);
    await run('bash', "trap 'echo bye > trapped' EXIT; expr 1100 + 11", '1111');
    expect(await client.close()).to.equal(0);
    expect([file('trapped'), file('history').includes('expr 1100')]).to.deep.equal(['bye\n', true]);
  });

  it('is the same if the server is killed, by the end of the terminal itself', async () => {
    await start('bash', BASH);
    await run('bash', "trap 'echo bye > trapped' EXIT; expr 1100 + 11", '1111');
    client.server.kill('SIGKILL');
    await until(() => existsSync(join(cwd, 'trapped')), 'the trap did not run');
  });

  it('is the same in a sandbox', async function () {
    requireSandbox(this);
    await start('bash', BASH, { sandbox: workspaceWrite(cwd) });
    await run('bash', "trap 'echo on the screen' EXIT; expr 1100 + 11", '1111');
    const { pty, exited } = await terminate('bash');
    expect([pty.toString().endsWith('on the screen\r\n'), exited.signal]).to.deep.equal([true, 'SIGHUP']);
  });
});

import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

const IN_WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
void import(workerData).then(async ({ connectEmbedded }) => {
  const client = await connectEmbedded();
  const started = await client.start({ argv: ['sh', '-c', 'echo hello; exit 5'], tty: { columns: 80, rows: 24 } });
  const { pty, exitCode } = await started.collect();
  await client.close();
  parentPort.postMessage({ pty: Buffer.from(pty).toString(), exitCode });
});`;

describe('processes on a terminal', () => {
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

  const start = (processId: string, argv: string[], more: object = {}) =>
    client.request('process/start', { processId, argv, cwd, env: { PATH }, tty: true, ...more });
  const type = (processId: string, text: string) =>
    client.request('process/write', { processId, chunk: Buffer.from(text).toString('base64') });
  const screen = (processId: string) =>
    client.messages
      .filter(({ method, params }) => method === 'process/output' && params.processId === processId)
      .map(({ params }) => Buffer.from(params.chunk, 'base64').toString())
      .join('');
  const shows = (processId: string, text: string) =>
    client.waitFor(`"${text}" on the screen`, () => screen(processId).includes(text));

  it('have 80 columns and 24 rows by default, and an exact environment', async () => {
    await start('size', ['stty', 'size']);
    expect((await client.finished('size')).pty.toString()).to.equal('24 80\r\n');
    await start('env', ['/usr/bin/env'], { env: { A: '1' } });
    expect((await client.finished('env')).pty.toString()).to.equal('A=1\r\n');
  });

  it('follow a change of size', async () => {
    await start('resized', ['sh', '-c', 'trap "stty size" WINCH; stty size; while :; do sleep 0.05; done'], {
      size: { columns: 100, rows: 30 },
    });
    await shows('resized', '30 100');
    await client.request('process/resize', { processId: 'resized', size: { columns: 132, rows: 43 } });
    await shows('resized', '43 132');
  });

  it('echo input and handle Ctrl-C and Ctrl-D', async () => {
    await start('cat', ['cat']);
    await type('cat', 'hello\n');
    await shows('cat', 'hello\r\nhello\r\n');
    await type('cat', '\x04');
    expect((await client.finished('cat')).exited).to.deep.include({ exitCode: 0, reason: 'exited' });

    await start('sleep', ['sleep', '600']);
    await type('sleep', '\x03');
    expect((await client.finished('sleep')).exited).to.deep.include({
      exitCode: 130,
      signal: 'SIGINT',
      reason: 'signaled',
    });
  });

  it('have the same errors as those on pipes', async () => {
    const stage = async (argv: string[], more: object) =>
      (await client.ask('process/start', { processId: 'x', argv, cwd, env: { PATH }, tty: true, ...more }))
        .error?.data?.stage;
    expect(await stage(['true'], { cwd: '/no/such' })).to.equal('cwd');
    expect(await stage(['no-such-program'], {})).to.equal('resolve');
    expect(await stage(['/etc/passwd'], {})).to.equal('permission');
  });

  it('are refused with an invalid size, as is a resize without a terminal', async () => {
    const size = { columns: 0, rows: 24 };
    const refused = await client.ask('process/start', {
      processId: 'x',
      argv: ['true'],
      cwd,
      tty: true,
      size,
    });
    expect(refused.error?.message).to.equal('size.columns: expected at least 1, received a smaller number');
    await start('pipes', ['sleep', '600'], { tty: false });
    const { error } = await client.ask('process/resize', {
      processId: 'pipes',
      size: { columns: 80, rows: 24 },
    });
    expect(error?.data).to.deep.equal({ kind: 'unsupported', field: 'processId' });
  });

  it('can be started by an embedded server in a worker thread', async () => {
    const worker = new Worker(IN_WORKER, {
      eval: true,
      workerData: join(programPath, '../embedded/index.js'),
    });
    const [result] = await once(worker, 'message');
    expect(result).to.deep.equal({ pty: 'hello\r\n', exitCode: 5 });
    await worker.terminate();
  });

  it('leave no descriptor open', async () => {
    const many = (round: number) =>
      Promise.all(
        Array.from({ length: 25 }, async (_, at) => {
          await start(`${round}.${at}`, ['true']);
          await client.finished(`${round}.${at}`);
        }),
      );
    await many(0);
    const { openDescriptors: before } = await client.request('server/status');
    for (let round = 1; round <= 20; round += 1) await many(round);
    const { openDescriptors: after } = await client.request('server/status');
    expect(after).to.be.at.most(before);
  });
});

describe('exec-server run --tty', () => {
  // Runs on a terminal of the product itself, whose size and modes are known.
  const onTerminal = async (typed: string, command: string) => {
    const client = await RawClient.open();
    await client.request('process/start', {
      processId: 'outer',
      argv: [
        'sh',
        '-c',
        `before=$(stty -g); '${process.execPath}' '${programPath}' run --tty -- ${command}; echo "exit $?"; [ "$before" = "$(stty -g)" ] && echo restored`,
      ],
      cwd: tmpdir(),
      env: { PATH, TERM: 'xterm-test', HOME: '/' },
      tty: true,
      size: { columns: 91, rows: 17 },
    });
    const screen = () =>
      client.messages
        .filter(({ method }) => method === 'process/output')
        .map(({ params }) => Buffer.from(params.chunk, 'base64').toString())
        .join('');
    if (typed !== '') {
      await client.waitFor('a prompt', () => screen().includes('ready'));
      await client.request('process/write', {
        processId: 'outer',
        chunk: Buffer.from(typed).toString('base64'),
      });
    }
    await client.finished('outer');
    await client.close();
    return screen();
  };

  it('gives the command the size and TERM of the local terminal, and restores the terminal', async () => {
    const screen = await onTerminal('', `sh -c 'stty size; echo "$TERM"; exit 3'`);
    expect(screen).to.equal('17 91\r\nxterm-test\r\nexit 3\r\nrestored\r\n');
  });

  it('sends each key to the command, including Ctrl-C', async () => {
    const screen = await onTerminal(
      '\x03',
      `sh -c 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done'`,
    );
    expect(screen).to.contain('caught\r\nexit 5\r\nrestored');
  });
});

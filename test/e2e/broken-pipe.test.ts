import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { fixturePath, programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const BROKEN_PIPE = 'exec-server: connection error: write EPIPE\n';

describe('a client that closes the pipe in the middle of a frame', () => {
  let cwd: string;

  beforeEach(() => {
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-test-')));
  });

  afterEach(() => rmSync(cwd, { recursive: true }));

  const start = (client: RawClient, processId: string, argv: string[], more: object = {}) =>
    client.request('process/start', { processId, argv, cwd, env: { PATH }, ...more });

  /** Starts children that only SIGKILL ends: on pipes, on a terminal, in a session of their own. */
  const withChildren = async (client: RawClient) => {
    const stubborn = ['sh', fixturePath('ignores-sigterm.sh')];
    await start(client, 'on pipes', stubborn);
    await start(client, 'on a tty', stubborn, { tty: true });
    await start(client, 'apart', ['sh', '-c', 'setsid sh "$0" & wait', fixturePath('ignores-sigterm.sh')]);
    for (const id of ['on pipes', 'on a tty', 'apart']) {
      await client.waitFor(
        `output ${id}`,
        ({ method, params }) => method === 'process/output' && params.processId === id,
      );
    }
  };

  it('ends the server and its children with one message, on a pipe', async () => {
    const status = join(cwd, 'status');
    const reader = `'${process.execPath}' '${fixturePath('copies-bytes.js')}' 300000`;
    const client = await RawClient.open({
      argv: [
        'sh',
        '-c',
        `{ "$0" "$@"; echo $? >"$STATUS"; } | ${reader}`,
        process.execPath,
        programPath,
        '--stdio',
      ],
      env: { ...process.env, STATUS: status },
    });
    await withChildren(client);
    await start(client, 'flood', ['yes']);
    await client.ended;
    expect({ exitCode: readFileSync(status, 'utf8'), stderr: client.stderr }).to.deep.equal({
      exitCode: '0\n',
      stderr: BROKEN_PIPE,
    });
    expect(client.strayBytes, 'the beginning of a frame').to.match(/^Content-Length: \d+\r\n\r\n\{/);
    await waitForNoSurvivorsIn(cwd);
  });

  it('ends the server and its children with one message, on a socket and in a frame of 785 KB', async () => {
    const client = await RawClient.open();
    await withChildren(client);
    await start(client, 'big', ['seq', '100000']);
    await client.finished('big');
    const { stdout } = client.server;
    stdout.pause();
    client.send({ id: 99, method: 'process/read', params: { processId: 'big' } });
    await until(() => stdout.readableLength > 0, 'the answer does not begin');
    const begin = String(stdout.read()).slice(0, 16);
    stdout.destroy();
    expect({ begin, end: await client.ended, stderr: client.stderr }).to.deep.equal({
      begin: 'Content-Length: ',
      end: 0,
      stderr: BROKEN_PIPE,
    });
    await waitForNoSurvivorsIn(cwd);
  });
});

import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { expect } from 'chai';
import { ConnectionLostError, RequestError } from '../../src/core/errors.ts';
import type { ExecClient } from '../../src/core/exec-client.ts';
import { connectEmbedded } from '../../src/embedded/index.ts';
import { until } from '../support/until.ts';
import { closed, connectFake, exited, output } from './support/fake-server.ts';

const MIB = 1024 * 1024;

const rejection = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('did not reject'),
    (error: Error) => error,
  );

describe('RemoteProcess', () => {
  let client: ExecClient;
  const sh = (script: string, options: object = {}) =>
    client.start({ argv: ['sh', '-c', script], ...options });

  before(async () => {
    client = await connectEmbedded({ env: { PATH: '/usr/local/bin:/usr/bin:/bin' } });
  });

  after(() => client.close());

  it('has the answer to its start', async () => {
    const child = await sh('echo $$');
    expect(child.launch).to.deep.include({ processId: child.id, pid: child.pid, sandboxType: 'none' });
    expect(child.launch.environment).to.deep.include({ removed: 0 });
    expect(Number((await child.collect()).stdout)).to.equal(child.pid);
  });

  describe('stdout and stderr', () => {
    it('are the output by stream', async () => {
      const child = await sh('echo out; echo err >&2');
      expect(await Promise.all([text(child.stdout), text(child.stderr)])).to.deep.equal(['out\n', 'err\n']);
    });

    it('are the output on a terminal, and nothing', async function () {
      if (client.ttyUnavailable !== undefined) this.skip();
      const child = await sh('test -t 2 && echo terminal', { tty: true });
      expect(await Promise.all([text(child.stdout), text(child.stderr)])).to.deep.equal(['terminal\r\n', '']);
    });

    it('hold the process while they are not read', async () => {
      const child = await sh(`head -c ${8 * MIB} /dev/zero`);
      await once(child.stdout, 'readable');
      await until(() => child.unreadBytes > MIB / 2, 'the window is not full');
      expect(child.unreadBytes + child.stdout.readableLength).to.be.below(2 * MIB);
      let bytes = 0;
      for await (const chunk of child.stdout) bytes += (chunk as Buffer).length;
      expect(bytes).to.equal(8 * MIB);
    });

    it('continue when the other one is destroyed', async () => {
      const child = await sh(`head -c ${2 * MIB} /dev/zero >&2; echo out`);
      child.stderr.destroy();
      expect(await text(child.stdout)).to.equal('out\n');
    });

    it('fail with the error of a lost connection', async () => {
      const { client: remote, server } = await connectFake();
      const child = await remote.start({ argv: ['true'] });
      const reading = rejection(text(child.stdout));
      server.send(output('1', 'begun'));
      server.end();
      expect(await reading).to.be.instanceOf(ConnectionLostError);
    });
  });

  describe('stdin', () => {
    it('is undefined unless it was requested', async () => {
      expect((await sh('true')).stdin).to.equal(undefined);
    });

    it('writes and ends', async () => {
      const child = await client.start({ argv: ['cat'], stdin: true });
      const bytes = Buffer.alloc(5 * MIB + 3, 'line\n');
      const [, { stdout }] = await Promise.all([
        child.stdin && pipeline([bytes.subarray(0, 10), bytes.subarray(10)], child.stdin),
        child.collect(),
      ]);
      expect(stdout.equals(bytes)).to.equal(true);
    });

    it('fails with EPIPE after the process has closed it', async () => {
      const child = await client.start({ argv: ['true'], stdin: true });
      await child.closed;
      const { stdin } = child;
      if (stdin === undefined) throw new Error('no stdin');
      expect(await rejection(pipeline(['late'], stdin))).to.include({ code: 'EPIPE' });
    });

    it('ends the input of a terminal by Ctrl-D', async function () {
      if (client.ttyUnavailable !== undefined) this.skip();
      const child = await client.start({ argv: ['cat'], tty: { columns: 80, rows: 24 } });
      child.stdin?.end('typed\n');
      expect((await child.collect()).exitCode).to.equal(0);
    });
  });

  describe('lines', () => {
    it('are decoded, with their stream', async () => {
      const child = await sh('echo ü; sleep 0.1; echo err >&2');
      const lines = [];
      for await (const line of child.lines()) lines.push(line);
      expect(lines).to.deep.equal([
        { stream: 'stdout', line: 'ü' },
        { stream: 'stderr', line: 'err' },
      ]);
    });

    it('over the limit terminate the process', async () => {
      const child = await sh('yes | tr -d "\\n"');
      const error = await rejection(
        (async () => {
          for await (const _ of child.lines({ maxLineBytes: MIB }));
        })(),
      );
      expect(error).to.be.instanceOf(RequestError).and.to.include({ kind: 'limitExceeded' });
      expect((await child.exit).reason).to.equal('terminated');
    });
  });

  describe('a second reader', () => {
    it('gets an error while the first one reads', async () => {
      const child = await sh('read line; echo out', { stdin: true });
      const first = child.collect();
      const errors = await Promise.all([
        rejection(child.collect()),
        rejection(child[Symbol.asyncIterator]().next()),
        rejection(child.lines()[Symbol.asyncIterator]().next()),
        rejection(text(child.stdout)),
      ]);
      expect(errors.map(({ message }) => message)).to.deep.equal(
        errors.map(() => `the output of process ${child.id} is already being read; it can have one reader`),
      );
      await child.write('go\n');
      expect(String((await first).stdout)).to.equal('out\n');
    });

    it('gets an error after the whole output was read', async () => {
      const child = await sh('echo out');
      await child.collect();
      expect((await rejection(child.collect())).message).to.equal(
        `the output of process ${child.id} has already been read; it can have one reader`,
      );
    });

    it('continues after one that stopped early', async () => {
      const child = await sh('echo 1; sleep 0.2; echo 2');
      for await (const { chunk } of child) {
        expect(String(chunk)).to.equal('1\n');
        break;
      }
      expect(String((await child.collect()).stdout)).to.equal('2\n');
    });
  });

  describe('disposal', () => {
    it('terminates the process, discards its output and waits until it is closed', async () => {
      const child = await sh(`trap "" TERM; exec yes`, { killGraceMs: 100 });
      await until(() => child.unreadBytes > MIB / 2, 'the window is not full');
      await child[Symbol.asyncDispose]();
      expect((await child.exit).signal).to.equal('SIGKILL');
      expect((await rejection(child.collect())).message).to.equal(
        `the output of process ${child.id} was discarded`,
      );
      expect((await client.list()).find(({ pid }) => pid === child.pid)?.state).not.to.equal('running');
    });

    it('has no effect on a process that is closed', async () => {
      const child = await sh('echo out');
      await child.closed;
      await child[Symbol.asyncDispose]();
      expect(String((await child.collect()).stdout)).to.equal('out\n');
    });

    it('does not reject if the connection is lost', async () => {
      const { client: remote, server } = await connectFake();
      const child = await remote.start({ argv: ['true'] });
      server.end();
      await child[Symbol.asyncDispose]();
      expect(await rejection(child.exit)).to.be.instanceOf(ConnectionLostError);
    });
  });

  it('reports a server that closes it without an exit', async () => {
    const { client: remote, server } = await connectFake();
    const child = await remote.start({ argv: ['true'] });
    server.send(closed('1'));
    expect((await rejection(child.exit)).message).to.equal(
      'the server sent process/closed without process/exited',
    );
    server.send(exited('1'));
    await remote.close();
  });
});

import { once } from 'node:events';
import { expect } from 'chai';
import type { ClientStreams } from '../../src/core/client-connection.ts';
import { ConnectionLostError, RequestError } from '../../src/core/errors.ts';
import { type OpenOptions, openClient } from '../../src/core/open-client.ts';
import { CORE_OWNED_NAMES } from '../../src/core/runtime-env.ts';
import { currentHost, serve } from '../../src/server/index.ts';
import { rawFrame } from '../e2e/support/raw-client.ts';
import { until } from '../support/until.ts';
import { closed, connectFake, exited, INFO, output, pipes } from './support/fake-server.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const exact = { exact: { PATH } };
const MIB = 1024 * 1024;
/** Length of one read from a pipe: a window with less room is full. */
const ONE_READ = 64 * 1024;

const rejection = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not reject');
};

/** A client and a real server in one process. */
const embedded = async (
  limits: { maxProcesses?: number } = {},
  location: ClientStreams['location'] = 'remote',
  options: OpenOptions = {},
) => {
  const { toServer, toClient, streams } = pipes();
  const host = currentHost({ PATH }, () => {});
  const server = serve({ input: toServer, output: toClient, host, log: () => {}, ...limits });
  // Like a program, it has ended when its whole output was read.
  const ended = once(toClient, 'close').then(() => ({
    program: 'it',
    exitCode: 0,
    signal: null,
    stderr: [],
  }));
  return {
    client: await openClient({ ...streams, location, ended }, { PATH }, { clientName: 'test', ...options }),
    server,
    toClient,
  };
};

describe('ExecClient', () => {
  describe('with a server in memory', () => {
    it('collects the output and the exit of a process', async () => {
      const { client } = await embedded();
      const child = await client.start({
        argv: ['sh', '-c', 'printf out; printf err >&2; exit 3'],
        env: exact,
      });
      expect(await child.collect()).to.deep.equal({
        stdout: Buffer.from('out'),
        stderr: Buffer.from('err'),
        pty: Buffer.alloc(0),
        droppedBytes: 0,
        exitCode: 3,
        signal: undefined,
        reason: 'exited',
      });
      await client.close();
    });

    it('writes to stdin in the order of the calls, and ends it', async () => {
      const { client } = await embedded();
      const child = await client.start({ argv: ['cat'], env: exact, stdin: true });
      const lines = Array.from({ length: 200 }, (_, at) => `line ${at}\n`);
      const [written, { stdout }] = await Promise.all([
        Promise.all(lines.map(line => child.write(line))).then(async all => {
          await child.closeStdin();
          return all;
        }),
        child.collect(),
      ]);
      expect([String(stdout), new Set(written)]).to.deep.equal([lines.join(''), new Set([true])]);
      expect(await child.write('late')).to.equal(false);
      await client.close();
    });

    it('accepts a long write that closeStdin follows immediately', async () => {
      const { client } = await embedded();
      const child = await client.start({ argv: ['cat'], env: exact, stdin: true });
      const bytes = Buffer.alloc(4 * MIB, 'x');
      const [written, , { stdout }] = await Promise.all([
        child.write(bytes),
        child.closeStdin(),
        child.collect(),
      ]);
      expect([written, stdout.length]).to.deep.equal([true, bytes.length]);
      await client.close();
    });

    it('returns false for a write to a process without stdin', async () => {
      const { client } = await embedded();
      const child = await client.start({ argv: ['sleep', '600'], env: exact });
      expect(await child.write('lost')).to.equal(false);
      await client.close();
    });

    it('sends signals and terminates', async () => {
      const { client } = await embedded();
      const [signalled, terminated] = await Promise.all(
        [1, 2].map(() => client.start({ argv: ['sleep', '600'], env: exact })),
      );
      await signalled?.signal('INT');
      expect(await terminated?.terminate()).to.equal(true);
      expect(await Promise.all([signalled?.exit, terminated?.exit])).to.deep.equal([
        { exitCode: 130, signal: 'SIGINT', reason: 'signaled' },
        { exitCode: 143, signal: 'SIGTERM', reason: 'terminated' },
      ]);
      await terminated?.collect();
      expect(await terminated?.terminate()).to.equal(false);
      await client.close();
    });

    it('rejects with the reason of a failed start', async () => {
      const { client } = await embedded();
      const error = await rejection(client.start({ argv: ['no-such-program'], env: exact }));
      expect(error).to.be.instanceOf(RequestError);
      const { method, code, kind, data } = error as RequestError;
      expect({ method, code, kind, stage: data.stage }).to.deep.equal({
        method: 'process/start',
        code: -32603,
        kind: 'launchFailed',
        stage: 'resolve',
      });
      await client.close();
    });

    it('explains the environment of a start, built by the server or locally, without values', async () => {
      const env = { policy: { exclude: ['P*'] }, runtime: { threadId: 'planted' } };
      const explained = {
        variables: {
          PATH: { outcome: 'removed', by: 'exclude', pattern: 'P*' },
          CODEX_THREAD_ID: { outcome: 'set', by: 'overlay' },
        },
        base: { base: 'process', attempts: [] },
        counts: { kept: 0, removed: 1, set: 1 },
      };
      for (const location of ['remote', 'local'] as const) {
        const { client } = await embedded({}, location);
        expect(await client.explain(env, ['PATH', 'CODEX_THREAD_ID'])).to.deep.equal(explained);
        expect(await client.explain(env)).to.deep.equal(explained);
        await client.close();
      }
    });

    it('asks the server to explain a base that only the server can capture', async () => {
      const { client } = await embedded({}, 'local');
      const { base } = await client.explain({ policy: { base: 'login' } }, []);
      expect(base?.attempts.map(attempt => attempt.base)).to.deep.equal(['login']);
      const fresh = await client.refreshEnvironment('login');
      expect(fresh.attempts.map(attempt => attempt.base)).to.deep.equal(['login']);
      await client.close();
    });

    it('names the step that set the searched PATH, built by the server or locally', async () => {
      for (const location of ['remote', 'local'] as const) {
        const { client } = await embedded({}, location);
        const env = { policy: { inherit: 'none' } } as const;
        const error = await rejection(client.start({ argv: ['no-such-program'], env }));
        expect(error.message).to.equal(
          'program not found: no-such-program (searched /bin:/usr/bin by default; PATH removed by inherit)',
        );
        expect((error as RequestError).data.pathFrom).to.deep.equal({
          outcome: 'removed',
          by: 'inherit',
          base: 'process',
        });
        await client.close();
      }
    });

    it('reads output again if the server retains it', async () => {
      const { client } = await embedded({}, 'remote', { retainedBytes: 1000, retainedMs: 60_000 });
      const child = await client.start({ argv: ['echo', 'out'], env: exact });
      await child.collect();
      const { chunks, closed: over, exitCode } = await client.read(child.id);
      expect([Buffer.concat(chunks.map(({ chunk }) => chunk)).toString(), over, exitCode]).to.deep.equal([
        'out\n',
        true,
        0,
      ]);
      expect((await client.list()).map(({ processId, state }) => [processId, state])).to.deep.equal([
        [child.id, 'closed'],
      ]);
      await client.close();
    });

    it('rejects with the limit of the server and the exceeding value', async () => {
      const { client } = await embedded({ maxProcesses: 1 });
      await client.start({ argv: ['sleep', '600'], env: exact });
      const error = (await rejection(client.start({ argv: ['true'], env: exact }))) as RequestError;
      expect(error.data).to.deep.equal({ kind: 'limitExceeded', limit: 'processes', current: 2, max: 1 });
      await client.close();
    });

    it('blocks the process while its output is not read', async () => {
      const { client } = await embedded();
      const size = 8 * MIB;
      const child = await client.start({
        argv: ['head', '-c', String(size), '/dev/zero'],
        env: exact,
      });
      await until(() => child.unreadBytes > MIB - ONE_READ, 'the window is not full');
      expect(child.unreadBytes).to.be.at.most(MIB);
      expect((await child.collect()).stdout.length).to.equal(size);
      await client.close();
    });

    it('closes while output is not read, and reports that it is incomplete', async () => {
      const { client } = await embedded();
      // It runs until SIGKILL, so that its pipe is full when it ends, however full the window was before.
      const child = await client.start({ argv: ['sh', '-c', 'trap "" TERM; exec yes'], env: exact });
      await until(() => child.unreadBytes > MIB - ONE_READ, 'the window is not full');
      await client.close();
      expect(await rejection(child.collect())).to.be.instanceOf(ConnectionLostError);
    });

    it('terminates the processes at close, and reports their exits', async () => {
      const { client, server } = await embedded();
      const child = await client.start({ argv: ['sleep', '600'], env: exact });
      await client.close();
      expect(await server.closed).to.equal('the connection was closed');
      expect(await client.closed).to.equal(undefined);
      expect(await child.exit).to.deep.equal({ exitCode: 143, signal: 'SIGTERM', reason: 'terminated' });
    });

    it('rejects every request after close, which is idempotent', async () => {
      const { client } = await embedded();
      const child = await client.start({ argv: ['cat'], env: exact, stdin: true });
      await Promise.all([client.close(), client.close()]);
      const errors = await Promise.all(
        [
          client.start({ argv: ['true'], env: exact }),
          child.write('late'),
          child.closeStdin(),
          child.signal('INT'),
          child.terminate(),
        ].map(rejection),
      );
      expect(errors.map(({ name, message }) => ({ name, message }))).to.deep.equal(
        errors.map(() => ({ name: 'ConnectionLostError', message: 'the connection was closed' })),
      );
      await client.close();
    });
  });

  describe('on the wire', () => {
    it('opens the connection with initialize and initialized', async () => {
      const { client, server } = await connectFake();
      expect(client.info.cwd).to.equal(INFO.cwd);
      expect(server.received.map(({ method, params }) => ({ method, params }))).to.deep.equal([
        {
          method: 'initialize',
          params: {
            clientName: 'test',
            binaryFrames: true,
            outputWindowBytes: MIB,
            retainedBytes: 0,
            retainedMs: 0,
          },
        },
        { method: 'initialized', params: {} },
      ]);
      await client.close();
    });

    const ownEnv = { PATH: '/own', PAGER: 'cat', OWN: '<own>', MY_TOKEN: '<own>' };
    const env = { runtime: { threadId: 'thread' }, overlay: { B: '2', C: null } };

    it('sends a remote server the policy and an overlay, and no variable of this side', async () => {
      const { client, server } = await connectFake('remote', ownEnv);
      await client.start({ argv: ['true'], cwd: 'sub', env, arg0: 'no' });
      expect(server.received.at(-1)?.params).to.deep.equal({
        processId: '1',
        argv: ['true'],
        cwd: '/srv/sub',
        envPolicy: { exclude: [...CORE_OWNED_NAMES] },
        env: { CODEX_THREAD_ID: 'thread', B: '2', C: null },
        pipeStdin: false,
        arg0: 'no',
      });
      await client.close();
    });

    it('sends a local server the whole environment, and no policy', async () => {
      const { client, server } = await connectFake('local', ownEnv);
      await client.start({ argv: ['true'], env });
      expect(server.received.at(-1)?.params).to.deep.equal({
        processId: '1',
        argv: ['true'],
        cwd: INFO.cwd,
        env: { PATH: '/own', PAGER: 'cat', OWN: '<own>', PWD: '/srv', CODEX_THREAD_ID: 'thread', B: '2' },
        pipeStdin: false,
      });
      await client.close();
    });

    it('sends a local server the policy if only the server can capture its base', async () => {
      const { client, server } = await connectFake('local', ownEnv);
      await client.start({ argv: ['true'], env: { policy: { base: 'login' }, overlay: { B: '2' } } });
      expect(server.received.at(-1)?.params).to.deep.equal({
        processId: '1',
        argv: ['true'],
        cwd: INFO.cwd,
        envPolicy: { base: 'login', exclude: [...CORE_OWNED_NAMES] },
        env: { B: '2' },
        pipeStdin: false,
      });
      await client.close();
    });
  });

  describe('with an older server', () => {
    it('sends no request with secretValues if the server does not check values', async () => {
      const { client, server } = await connectFake();
      const env = { policy: { secretValues: true } };
      const before = server.received.length;
      for (const refused of [client.start({ argv: ['true'], env }), client.explain(env)]) {
        expect(await rejection(refused)).to.deep.include({ kind: 'unsupported' });
      }
      expect(server.received).to.have.lengthOf(before);
      await client.close();
    });

    it('checks secretValues itself for a local server', async () => {
      const { client, server } = await connectFake('local', { A: '1', URL: 'http://me:planted@host' });
      await client.start({ argv: ['true'], env: { policy: { secretValues: true } } });
      expect(server.received.at(-1)?.params.env).to.deep.equal({ A: '1', PWD: '/srv' });
      await client.close();
    });
  });

  describe('with a server that breaks the protocol', () => {
    const collected = {
      signal: undefined,
      reason: 'exited',
      stderr: Buffer.alloc(0),
      pty: Buffer.alloc(0),
      droppedBytes: 0,
    };

    it('accepts output before the answer to the start', async () => {
      const { client, server } = await connectFake();
      server.send(output('1', 'too early, of an unknown process'));
      const starting = client.start({ argv: ['true'] });
      server.send(output('1', 'early'), exited('1'), closed('1', { stdout: 5, stderr: 0, pty: 0 }));
      expect(await (await starting).collect()).to.deep.equal({
        ...collected,
        stdout: Buffer.from('early'),
        exitCode: 0,
      });
      await client.close();
    });

    it('accepts process/closed without byte counts', async () => {
      const { client, server } = await connectFake();
      const child = await client.start({ argv: ['true'] });
      server.send(output('1', 'all'), exited('1', 4), closed('1'));
      expect(await child.collect()).to.deep.equal({ ...collected, stdout: Buffer.from('all'), exitCode: 4 });
      await client.close();
    });

    it('fails after incomplete output', async () => {
      const { client, server } = await connectFake();
      const child = await client.start({ argv: ['true'] });
      server.send(output('1', 'some'), exited('1', 0, 4), closed('1', { stdout: 4, stderr: 10, pty: 2 }, 5));
      const read: string[] = [];
      const error = await rejection(
        (async () => {
          for await (const { chunk } of child.output) read.push(String(chunk));
        })(),
      );
      expect(read).to.deep.equal(['some']);
      expect(error).to.be.instanceOf(ConnectionLostError);
      expect(error.message).to.equal(
        'output is incomplete: received 0 of 10 bytes of stderr, 0 of 2 bytes of pty',
      );
      expect(await child.exit).to.include({ exitCode: 0 });
      await client.close();
    });

    it('rejects exit for a process that is closed without process/exited', async () => {
      const { client, server } = await connectFake();
      const child = await client.start({ argv: ['true'] });
      server.send(closed('1', { stdout: 0, stderr: 0, pty: 0 }));
      expect(await rejection(child.collect())).to.be.instanceOf(ConnectionLostError);
      await client.close();
    });

    it('ignores unknown processes and unknown messages', async () => {
      const { client, server } = await connectFake();
      server.send(output('9', 'x'), exited('9'), closed('9'), { method: 'process/unheard', params: {} });
      const child = await client.start({ argv: ['true'] });
      server.send(exited('1'), closed('1'), output('1', 'late'), exited('1', 1));
      expect(await child.collect()).to.deep.equal({ ...collected, stdout: Buffer.alloc(0), exitCode: 0 });
      await client.close();
    });

    it('fails the connection at an invalid notification', async () => {
      const { client, server } = await connectFake();
      const child = await client.start({ argv: ['true'] });
      server.send({
        method: 'process/output',
        params: { processId: '1', seq: 1, stream: 'stdout', chunk: '?' },
      });
      const expected =
        'the connection to memory was lost: process/output: chunk: expected base64 with padding';
      expect((await rejection(child.collect())).message).to.equal(expected);
      expect((await client.closed)?.message).to.equal(expected);
      expect((await rejection(client.start({ argv: ['true'] }))).message).to.equal(expected);
    });

    it('fails the connection at bytes that are not a frame, after the first frame', async () => {
      const { client, toClient } = await connectFake();
      toClient.write('stray line\n');
      expect((await client.closed)?.message).to.equal(
        'the connection to memory was lost: the server sent something that is not a message: ' +
          'expected a header field, received "stray line"',
      );
    });

    it('rejects every request of a connection that ended after the answer to initialize', async () => {
      const { toServer, toClient, streams } = pipes();
      const answer = { jsonrpc: '2.0', id: 0, result: { sessionId: 's', environmentInfo: INFO } };
      toServer.once('data', () => toClient.end(rawFrame(JSON.stringify(answer))));
      const client = await openClient(streams, {});
      expect((await rejection(client.start({ argv: ['true'] }))).message).to.equal(
        'the connection to memory was lost',
      );
      expect(await client.closed).to.be.instanceOf(ConnectionLostError);
    });

    it('is not opened by an answer after the timeout', async () => {
      const { toServer, toClient, streams } = pipes();
      const answer = { jsonrpc: '2.0', id: 0, result: { sessionId: 's', environmentInfo: INFO } };
      // The server answers when its input ends.
      toServer.on('end', () => toClient.end(rawFrame(JSON.stringify(answer)))).resume();
      const ended = once(toClient, 'close').then(() => undefined);
      expect(
        (await rejection(openClient({ ...streams, ended }, {}, { initializeTimeoutMs: 1 }))).message,
      ).to.equal('could not connect to memory: no answer to initialize within 0.001 s');
    });

    it('records the bytes before the first frame, in any chunks', async () => {
      const { toServer, toClient, streams } = pipes();
      const answer = { jsonrpc: '2.0', id: 0, result: { sessionId: 's', environmentInfo: INFO } };
      const noise = 'Beer\nContent-Length: 5\r\n\r\n{';
      const stream = Buffer.concat([Buffer.from(noise), rawFrame(JSON.stringify(answer))]);
      toServer.once('data', () => {
        for (const byte of stream) toClient.write(Buffer.of(byte));
      });
      const client = await openClient(streams, {});
      expect(client.startUpOutput).to.deep.equal({
        bytes: noise.length,
        excerpt: 'Beer\\nContent-Length: 5\\r\\n\\r\\n{',
      });
      await client.close();
    });

    it('rejects everything that waits when the connection is lost', async () => {
      const { client, server } = await connectFake();
      const child = await client.start({ argv: ['true'] });
      server.send(output('1', 'begun'));
      const waiting = [child.signal('INT'), child.exit, child.collect()];
      server.end();
      const errors = await Promise.all(waiting.map(rejection));
      expect(errors.map(({ name, message }) => ({ name, message }))).to.deep.equal(
        errors.map(() => ({ name: 'ConnectionLostError', message: 'the connection to memory was lost' })),
      );
      expect(await client.closed).to.be.instanceOf(ConnectionLostError);
      await client.close();
    });
  });

  describe('with output that is not read', () => {
    it('requests a window, and acknowledges output when it is read', async () => {
      const { client, server } = await connectFake();
      const received = (method: string) =>
        server.received.filter(message => message.method === method).map(({ params }) => params);
      expect(received('initialize')[0].outputWindowBytes).to.equal(MIB);
      const child = await client.start({ argv: ['true'] });
      const chunk = Buffer.alloc(ONE_READ, 'x');
      for (let seq = 1; seq <= 10; seq += 1) server.send(output('1', chunk, seq));
      await until(() => child.unreadBytes === 10 * ONE_READ, 'not all has arrived');
      expect(received('process/acknowledge')).to.deep.equal([]);
      const reader = child.output[Symbol.asyncIterator]();
      for (let read = 1; read <= 9; read += 1) await reader.next();
      await until(
        () => received('process/acknowledge').length === 2,
        'two quarters of the window are not acknowledged',
      );
      expect(received('process/acknowledge')).to.deep.equal([
        { processId: '1', seq: 4 },
        { processId: '1', seq: 8 },
      ]);
      await client.close();
    });

    it('receives output of other processes while that of a closed one is not read', async () => {
      const { client, server } = await connectFake();
      const unread = await client.start({ argv: ['true'] });
      const other = await client.start({ argv: ['true'] });
      const bytes = { stdout: MIB + 1, stderr: 0, pty: 0 };
      server.send(output('1', Buffer.alloc(MIB + 1)), exited('1'), closed('1', bytes));
      server.send(output('2', 'received'), exited('2'), closed('2'));
      expect(String((await other.collect()).stdout)).to.equal('received');
      expect((await unread.collect()).stdout.length).to.equal(MIB + 1);
      await client.close();
    });
  });
});

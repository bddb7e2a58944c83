import { once } from 'node:events';
import { expect } from 'chai';
import type { ClientStreams } from '../../src/core/client-connection.ts';
import { ConnectionLostError, RequestError } from '../../src/core/errors.ts';
import { openClient } from '../../src/core/open-client.ts';
import { CORE_OWNED_NAMES } from '../../src/core/runtime-env.ts';
import { currentHost, serve } from '../../src/server/index.ts';
import { rawFrame } from '../e2e/support/raw-client.ts';
import { until } from '../support/until.ts';
import { closed, exited, faked, INFO, output, pipes } from './support/fake-server.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const exact = { exact: { PATH } };
const MIB = 1024 * 1024;
/** A window is full when one more read of a pipe doesn't fit. */
const ONE_READ = 64 * 1024;

const rejection = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not reject');
};

/** A client and the real server, in one process. */
const embedded = async (
  limits: { maxProcesses?: number } = {},
  location: ClientStreams['location'] = 'remote',
) => {
  const { toServer, toClient, streams } = pipes();
  const host = currentHost({ PATH }, () => {});
  const server = serve({ input: toServer, output: toClient, host, log: () => {}, ...limits });
  // As of a program: it has ended when all that it wrote was read.
  const ended = once(toClient, 'close').then(() => ({
    program: 'it',
    exitCode: 0,
    signal: null,
    stderr: [],
  }));
  return {
    client: await openClient({ ...streams, location, ended }, { PATH }, { clientName: 'test' }),
    server,
    toClient,
  };
};

describe('ExecClient', () => {
  describe('with a server in memory', () => {
    it('runs a process and has all of its output and its exit', async () => {
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

    it('accepts a long write whose end of stdin follows at once', async () => {
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

    it('tells that nobody reads stdin of a process that was started without', async () => {
      const { client } = await embedded();
      const child = await client.start({ argv: ['sleep', '600'], env: exact });
      expect(await child.write('lost')).to.equal(false);
      await client.close();
    });

    it('signals and terminates', async () => {
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

    it('tells why a process could not be started', async () => {
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

    it('explains the environment of a start, made there or here, without a value', async () => {
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

    it('asks the server about a base that only the server can take', async () => {
      const { client } = await embedded({}, 'local');
      const { base } = await client.explain({ policy: { base: 'login' } }, []);
      expect(base?.attempts.map(attempt => attempt.base)).to.deep.equal(['login']);
      const fresh = await client.refreshEnvironment('login');
      expect(fresh.attempts.map(attempt => attempt.base)).to.deep.equal(['login']);
      await client.close();
    });

    it('tells which step made the PATH that was searched in vain, also where it was made here', async () => {
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

    it('is told a limit of the server with what it would have become', async () => {
      const { client } = await embedded({ maxProcesses: 1 });
      await client.start({ argv: ['sleep', '600'], env: exact });
      const error = (await rejection(client.start({ argv: ['true'], env: exact }))) as RequestError;
      expect(error.data).to.deep.equal({ kind: 'limitExceeded', limit: 'processes', current: 2, max: 1 });
      await client.close();
    });

    it('holds the process, not its output, while nobody reads', async () => {
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

    it('closes while output waits that nobody reads, and says that it is not all', async () => {
      const { client } = await embedded();
      // It lives on until SIGKILL, so that its pipe is full when it ends, however full the window was before.
      const child = await client.start({ argv: ['sh', '-c', 'trap "" TERM; exec yes'], env: exact });
      await until(() => child.unreadBytes > MIB - ONE_READ, 'the window is not full');
      await client.close();
      expect(await rejection(child.collect())).to.be.instanceOf(ConnectionLostError);
    });

    it('ends the processes with the connection, and still tells how they ended', async () => {
      const { client, server } = await embedded();
      const child = await client.start({ argv: ['sleep', '600'], env: exact });
      await client.close();
      expect(await server.closed).to.equal('the connection was closed');
      expect(await client.closed).to.equal(undefined);
      expect(await child.exit).to.deep.equal({ exitCode: 143, signal: 'SIGTERM', reason: 'terminated' });
    });

    it('refuses every request after the close, and closes twice without harm', async () => {
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

  describe('with what goes over the wire', () => {
    it('opens the connection by initialize and initialized', async () => {
      const { client, server } = await faked();
      expect(client.info.cwd).to.equal(INFO.cwd);
      expect(server.heard.map(({ method, params }) => ({ method, params }))).to.deep.equal([
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

    it("sends a remote server the policy and an overlay, and nothing of this side's environment", async () => {
      const { client, server } = await faked('remote', ownEnv);
      await client.start({ argv: ['true'], cwd: 'sub', env, arg0: 'no' });
      expect(server.heard.at(-1)?.params).to.deep.equal({
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
      const { client, server } = await faked('local', ownEnv);
      await client.start({ argv: ['true'], env });
      expect(server.heard.at(-1)?.params).to.deep.equal({
        processId: '1',
        argv: ['true'],
        cwd: INFO.cwd,
        env: { PATH: '/own', PAGER: 'cat', OWN: '<own>', CODEX_THREAD_ID: 'thread', B: '2' },
        pipeStdin: false,
      });
      await client.close();
    });

    it('sends a local server the policy where only the server can take its base', async () => {
      const { client, server } = await faked('local', ownEnv);
      await client.start({ argv: ['true'], env: { policy: { base: 'login' }, overlay: { B: '2' } } });
      expect(server.heard.at(-1)?.params).to.deep.equal({
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

  describe('with a server that does not know everything', () => {
    it('starts nothing with secret values that it would not look for, and asks it nothing', async () => {
      const { client, server } = await faked();
      const env = { policy: { secretValues: true } };
      const before = server.heard.length;
      for (const refused of [client.start({ argv: ['true'], env }), client.explain(env)]) {
        expect(await rejection(refused)).to.deep.include({ kind: 'unsupported' });
      }
      expect(server.heard).to.have.lengthOf(before);
      await client.close();
    });

    it('makes an environment for a local one itself, secret values too', async () => {
      const { client, server } = await faked('local', { A: '1', URL: 'http://me:planted@host' });
      await client.start({ argv: ['true'], env: { policy: { secretValues: true } } });
      expect(server.heard.at(-1)?.params.env).to.deep.equal({ A: '1' });
      await client.close();
    });
  });

  describe('with a server that says what it should not', () => {
    const collected = {
      signal: undefined,
      reason: 'exited',
      stderr: Buffer.alloc(0),
      pty: Buffer.alloc(0),
      droppedBytes: 0,
    };

    it('takes output that comes before the answer to the start', async () => {
      const { client, server } = await faked();
      server.say(output('1', 'too early, and for nobody'));
      const starting = client.start({ argv: ['true'] });
      server.say(output('1', 'early'), exited('1'), closed('1', { stdout: 5, stderr: 0, pty: 0 }));
      expect(await (await starting).collect()).to.deep.equal({
        ...collected,
        stdout: Buffer.from('early'),
        exitCode: 0,
      });
      await client.close();
    });

    it('does without the byte counts of a server that has none', async () => {
      const { client, server } = await faked();
      const child = await client.start({ argv: ['true'] });
      server.say(output('1', 'all'), exited('1', 4), closed('1'));
      expect(await child.collect()).to.deep.equal({ ...collected, stdout: Buffer.from('all'), exitCode: 4 });
      await client.close();
    });

    it('fails output that is not all that was sent, after what came of it', async () => {
      const { client, server } = await faked();
      const child = await client.start({ argv: ['true'] });
      server.say(output('1', 'some'), exited('1', 0, 4), closed('1', { stdout: 4, stderr: 10, pty: 2 }, 5));
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

    it('fails the exit of a process that is closed without one', async () => {
      const { client, server } = await faked();
      const child = await client.start({ argv: ['true'] });
      server.say(closed('1', { stdout: 0, stderr: 0, pty: 0 }));
      expect(await rejection(child.collect())).to.be.instanceOf(ConnectionLostError);
      await client.close();
    });

    it('takes no notice of processes that it does not know, and of messages that it does not know', async () => {
      const { client, server } = await faked();
      server.say(output('9', 'x'), exited('9'), closed('9'), { method: 'process/unheard', params: {} });
      const child = await client.start({ argv: ['true'] });
      server.say(exited('1'), closed('1'), output('1', 'late'), exited('1', 1));
      expect(await child.collect()).to.deep.equal({ ...collected, stdout: Buffer.alloc(0), exitCode: 0 });
      await client.close();
    });

    it('ends the connection at a message that breaks the contract', async () => {
      const { client, server } = await faked();
      const child = await client.start({ argv: ['true'] });
      server.say({
        method: 'process/output',
        params: { processId: '1', seq: 1, stream: 'stdout', chunk: '?' },
      });
      const expected =
        'the connection to memory was lost: process/output: chunk: must be base64 with padding';
      expect((await rejection(child.collect())).message).to.equal(expected);
      expect((await client.closed)?.message).to.equal(expected);
      expect((await rejection(client.start({ argv: ['true'] }))).message).to.equal(expected);
    });

    it('ends the connection at bytes that are no frame, once frames have come', async () => {
      const { client, toClient } = await faked();
      toClient.write('stray line\n');
      expect((await client.closed)?.message).to.equal(
        'the connection to memory was lost: the server sent something that is not a message: ' +
          'expected a header field, received "stray line"',
      );
    });

    it('tells every request of a connection that ended behind the answer to initialize', async () => {
      const { toServer, toClient, streams } = pipes();
      const answer = { jsonrpc: '2.0', id: 0, result: { sessionId: 's', environmentInfo: INFO } };
      toServer.once('data', () => toClient.end(rawFrame(JSON.stringify(answer))));
      const client = await openClient(streams, {});
      expect((await rejection(client.start({ argv: ['true'] }))).message).to.equal(
        'the connection to memory was lost',
      );
      expect(await client.closed).to.be.instanceOf(ConnectionLostError);
    });

    it('is not opened by an answer that comes when it was given up', async () => {
      const { toServer, toClient, streams } = pipes();
      const answer = { jsonrpc: '2.0', id: 0, result: { sessionId: 's', environmentInfo: INFO } };
      // The end of our side is what a server in haste answers to.
      toServer.on('end', () => toClient.end(rawFrame(JSON.stringify(answer)))).resume();
      const ended = once(toClient, 'close').then(() => undefined);
      expect(
        (await rejection(openClient({ ...streams, ended }, {}, { initializeTimeoutMs: 1 }))).message,
      ).to.equal('could not connect to memory: no answer to initialize within 0.001 s');
    });

    it('knows what came before the first frame, in whatever pieces', async () => {
      const { toServer, toClient, streams } = pipes();
      const answer = { jsonrpc: '2.0', id: 0, result: { sessionId: 's', environmentInfo: INFO } };
      const noise = 'Beer\nContent-Length: 5\r\n\r\n{';
      const stream = Buffer.concat([Buffer.from(noise), rawFrame(JSON.stringify(answer))]);
      toServer.once('data', () => {
        for (const byte of stream) toClient.write(Buffer.of(byte));
      });
      const client = await openClient(streams, {});
      expect(client.noise).to.deep.equal({
        bytes: noise.length,
        excerpt: 'Beer\\nContent-Length: 5\\r\\n\\r\\n{',
      });
      await client.close();
    });

    it('fails everything that waits when the connection is lost', async () => {
      const { client, server } = await faked();
      const child = await client.start({ argv: ['true'] });
      server.say(output('1', 'begun'));
      const waiting = [child.signal('INT'), child.exit, child.collect()];
      server.hang();
      const errors = await Promise.all(waiting.map(rejection));
      expect(errors.map(({ name, message }) => ({ name, message }))).to.deep.equal(
        errors.map(() => ({ name: 'ConnectionLostError', message: 'the connection to memory was lost' })),
      );
      expect(await client.closed).to.be.instanceOf(ConnectionLostError);
      await client.close();
    });
  });

  describe('with output that nobody reads', () => {
    it('asks for a window, and acknowledges what is read of it', async () => {
      const { client, server } = await faked();
      const heard = (method: string) =>
        server.heard.filter(message => message.method === method).map(({ params }) => params);
      expect(heard('initialize')[0].outputWindowBytes).to.equal(MIB);
      const child = await client.start({ argv: ['true'] });
      const chunk = Buffer.alloc(ONE_READ, 'x');
      for (let seq = 1; seq <= 10; seq += 1) server.say(output('1', chunk, seq));
      await until(() => child.unreadBytes === 10 * ONE_READ, 'not all has arrived');
      expect(heard('process/acknowledge')).to.deep.equal([]);
      const reader = child.output[Symbol.asyncIterator]();
      for (let read = 1; read <= 9; read += 1) await reader.next();
      await until(
        () => heard('process/acknowledge').length === 2,
        'two quarters of the window are not acknowledged',
      );
      expect(heard('process/acknowledge')).to.deep.equal([
        { processId: '1', seq: 4 },
        { processId: '1', seq: 8 },
      ]);
      await client.close();
    });

    it('reads on for others when the process that it was of is closed', async () => {
      const { client, server } = await faked();
      const unread = await client.start({ argv: ['true'] });
      const other = await client.start({ argv: ['true'] });
      const bytes = { stdout: MIB + 1, stderr: 0, pty: 0 };
      server.say(output('1', Buffer.alloc(MIB + 1)), exited('1'), closed('1', bytes));
      server.say(output('2', 'heard'), exited('2'), closed('2'));
      expect(String((await other.collect()).stdout)).to.equal('heard');
      expect((await unread.collect()).stdout.length).to.equal(MIB + 1);
      await client.close();
    });
  });
});

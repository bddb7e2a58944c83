import { getEventListeners } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { ExecClient } from '../../../src/core/exec-client.ts';
import { openClient } from '../../../src/core/open-client.ts';
import { UnifiedExecError } from '../../../src/core/unified-exec/errors.ts';
import { UnifiedExec, type UnifiedExecOptions } from '../../../src/core/unified-exec/unified-exec.ts';
import { connectEmbedded } from '../../../src/embedded/index.ts';
import { FrameDecoder } from '../../../src/protocol/framing/frame-decoder.ts';
import { parseChunkMessage } from '../../../src/protocol/framing/message-parser.ts';
import { currentHost, serve } from '../../../src/server/index.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
/** The account of a test may have a shell that runs nothing. */
const BASE = { PATH, SHELL: '/bin/sh' };
const sleep = { argv: ['sleep', '600'] } as const;
const MIB = 1024 * 1024;

/** The real server behind a connection that can be delayed towards the server, and the messages sent on it. */
const heldUpConnection = async () => {
  const [fromClient, toServer, toClient] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const sent: string[] = [];
  const decoder = new FrameDecoder({
    frame: (body, kind) =>
      void sent.push((kind === 'chunk' ? parseChunkMessage(body) : JSON.parse(body.toString())).method),
    rejected: error => expect.fail(error.message),
    lost: reason => expect.fail(reason),
  });
  fromClient.on('data', chunk => {
    decoder.push(chunk);
    toServer.write(chunk);
  });
  fromClient.on('end', () => toServer.end());
  const server = serve({
    input: toServer,
    output: toClient,
    host: currentHost({ PATH }, () => {}),
    log: () => {},
  });
  const client = await openClient(
    {
      input: toClient,
      output: fromClient,
      location: 'remote',
      label: 'memory',
      close: async () => {
        fromClient.resume().end();
        await server.closed;
      },
    },
    {},
  );
  sent.length = 0;
  return { client, sent, holdUp: () => fromClient.pause(), goOn: () => fromClient.resume() };
};

type Listed = Awaited<ReturnType<ExecClient['list']>>[number];

const rejection = (promise: Promise<unknown>): Promise<Error & { kind?: string }> =>
  promise.then(
    () => expect.fail('it did not reject'),
    error => error,
  );

describe('UnifiedExec', () => {
  let client: ExecClient;
  const agents: UnifiedExec[] = [];

  before(async () => {
    client = await connectEmbedded({ env: { ...BASE, HOME: '/' } });
  });

  after(() => client.close());

  afterEach(async () => {
    await Promise.all(agents.splice(0).map(agent => agent.close()));
  });

  const agentOn = (
    environments: ConstructorParameters<typeof UnifiedExec>[0],
    options: UnifiedExecOptions = {},
  ): UnifiedExec => {
    const agent = new UnifiedExec(environments, options);
    agents.push(agent);
    return agent;
  };

  /** Waits until the server lists such a process. */
  const untilListed = async (fits: (process: Listed) => boolean): Promise<void> => {
    while (!(await client.list()).some(fits)) await delay(5);
  };

  describe('execCommand', () => {
    it('waits at least 250 ms', async () => {
      const { sessionId, wallTimeMs } = await agentOn(client).execCommand({ ...sleep, yieldTimeMs: 0 });
      expect(sessionId).to.equal(1);
      expect(wallTimeMs).to.be.at.least(249);
    });

    it('waits at most the maximum, and the default without a time', async () => {
      const agent = agentOn(client, { limits: { minYieldMs: 1, maxYieldMs: 60, execYieldMs: 30 } });
      expect((await agent.execCommand({ ...sleep, yieldTimeMs: 1e12 })).wallTimeMs).to.be.at.least(59);
      expect((await agent.execCommand(sleep)).wallTimeMs).to.be.at.least(29);
    });

    it('returns as soon as the process has ended', async () => {
      const agent = agentOn(client, { limits: { maxYieldMs: 600_000 } });
      expect(await agent.execCommand({ argv: ['true'], yieldTimeMs: 600_000 })).to.include({ exitCode: 0 });
    });

    it('returns 10,000 tokens of 4 bytes by default', async () => {
      const command = 'head -c 40001 /dev/zero | tr "\\0" x';
      const agent = agentOn(client);
      expect((await agent.execCommand({ command })).omitted).to.deep.equal({ bytes: 1, tokens: 1 });
      const all = await agent.execCommand({ command, maxOutputTokens: 10_001 });
      expect([all.output.length, all.omitted]).to.deep.equal([40_001, { bytes: 0, tokens: 0 }]);
      const nothing = await agent.execCommand({ command, maxOutputTokens: 0 });
      expect(nothing.output).to.equal('\n… 40001 bytes (≈10001 tokens) of output omitted …\n');
    });

    it('never returns more than it keeps', async () => {
      const { output, omitted, outputBytes } = await agentOn(client).execCommand({
        command: `head -c ${3 * MIB} /dev/zero | tr "\\0" x`,
        maxOutputTokens: 1e9,
      });
      expect([omitted.bytes, outputBytes]).to.deep.equal([2 * MIB, 3 * MIB]);
      expect(output.replaceAll(/[^x]/g, '')).to.have.lengthOf(MIB);
    });

    it('runs in the first environment by default, and refuses an unknown one', async () => {
      const other = await connectEmbedded({ env: { ...BASE, WHERE: 'there' } });
      try {
        const agent = agentOn({ here: client, there: other });
        const where = async (environment?: string) =>
          (await agent.execCommand({ command: 'echo "$WHERE"', environment })).output;
        expect([await where(), await where('here'), await where('there')]).to.deep.equal([
          '\n',
          '\n',
          'there\n',
        ]);
        for (const unknown of ['', 'toString']) {
          const error = await rejection(where(unknown));
          expect([error.kind, error.message]).to.deep.equal([
            'unknownEnvironment',
            `unknown environment "${unknown}"; known: "here", "there"`,
          ]);
        }
      } finally {
        await other.close();
      }
    });

    it('reads its environments for each command', async () => {
      const environments: Record<string, ExecClient> = {};
      const agent = agentOn(environments);
      const error = await rejection(agent.execCommand({ argv: ['true'] }));
      expect(error.message).to.equal('no environment is configured');
      environments.late = client;
      expect(await agent.execCommand({ argv: ['true'] })).to.include({ exitCode: 0 });
    });

    it('passes runtime facts to processes, and lets a command override them', async () => {
      const agent = agentOn(client, {
        defaultEnv: {
          policy: { exclude: ['HOME'] },
          runtime: { threadId: 't-1', sandbox: 'bwrap' },
          overlay: { ONE: 'agent', OTHER: 'agent' },
        },
      });
      const { output } = await agent.execCommand({
        argv: ['env'],
        env: { OTHER: 'command', NO_COLOR: null },
      });
      expect(output.trim().split('\n').sort()).to.deep.equal([
        'CODEX_CI=1',
        'CODEX_SANDBOX=bwrap',
        'CODEX_THREAD_ID=t-1',
        'COLORTERM=',
        'GH_PAGER=cat',
        'GIT_PAGER=cat',
        'LANG=C.UTF-8',
        'LC_ALL=C.UTF-8',
        'LC_CTYPE=C.UTF-8',
        'ONE=agent',
        'OTHER=command',
        'PAGER=cat',
        `PATH=${PATH}`,
        `PWD=${process.cwd()}`,
        'SHELL=/bin/sh',
        'TERM=dumb',
      ]);
    });

    it('passes the id of its tool call to each command', async () => {
      const agent = agentOn(client, { defaultEnv: { runtime: { sessionId: 's-1' } } });
      const ids = async (toolCallId?: string) => {
        const command = 'printenv CODEX_SESSION_ID CODEX_TOOL_CALL_ID';
        return (await agent.execCommand({ command, toolCallId })).output;
      };
      expect([await ids('call_1'), await ids('call_2'), await ids()]).to.deep.equal([
        's-1\ncall_1\n',
        's-1\ncall_2\n',
        's-1\n',
      ]);
    });

    it('does not ask for plain output if unifiedExec is false', async () => {
      const agent = agentOn(client, { defaultEnv: { runtime: { unifiedExec: false } } });
      expect((await agent.execCommand({ argv: ['env'] })).output).to.equal(
        `PATH=${PATH}\nSHELL=/bin/sh\nHOME=/\nPWD=${process.cwd()}\n`,
      );
    });

    it('does not wait for the streams of an exited process if drainMs is long', async () => {
      const agent = agentOn(client, { limits: { minYieldMs: 1, minPollMs: 250 } });
      const options = { command: 'sleep 600 & echo begun', drainMs: 600_000, yieldTimeMs: 0 };
      const { sessionId = 0, output } = await agent.execCommand(options);
      // The shell may be slow; by the end of the next wait the exit has arrived, too.
      await untilListed(({ state }) => state === 'exited');
      const { output: rest } = await agent.writeStdin({ sessionId, yieldTimeMs: 0 });
      expect(output + rest).to.equal('begun\n');
      expect(await agent.end({ sessionId })).to.include({ output: '', exitCode: 0 });
    });

    it('starts nothing for a call that is aborted before', async () => {
      const error = new Error('too late');
      const call = agentOn(client).execCommand({ ...sleep, signal: AbortSignal.abort(error) });
      expect(await rejection(call)).to.equal(error);
      expect((await client.list()).filter(({ state }) => state === 'running')).to.deep.equal([]);
    });

    it('ignores its signal after the result', async () => {
      const controller = new AbortController();
      const agent = agentOn(client, { limits: { minYieldMs: 1 } });
      await agent.execCommand({ ...sleep, yieldTimeMs: 1, signal: controller.signal });
      expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([]);
      controller.abort();
      expect(agent.list().map(({ state }) => state)).to.deep.equal(['running']);
    });
  });

  describe('writeStdin', () => {
    it('waits longer without input, within its limits', async () => {
      const limits = { minYieldMs: 1, writeYieldMs: 30, minPollMs: 60, maxPollMs: 90 };
      const agent = agentOn(client, { limits });
      const { sessionId = 0 } = await agent.execCommand({ ...sleep, stdin: true, yieldTimeMs: 1 });
      const wait = async (options: object) => (await agent.writeStdin({ sessionId, ...options })).wallTimeMs;
      expect(await wait({ chars: 'x' })).to.be.at.least(29);
      expect(await wait({})).to.be.at.least(59);
      expect(await wait({ yieldTimeMs: 0 })).to.be.at.least(59);
      expect(await wait({ yieldTimeMs: 1e12 })).to.be.at.least(89);
    });

    it('names a session that never existed', async () => {
      const error = await rejection(agentOn(client).writeStdin({ sessionId: 7 }));
      expect(error).to.be.instanceOf(UnifiedExecError);
      expect([error.kind, error.message]).to.deep.equal([
        'unknownSession',
        'unknown session 7: no session has had this id',
      ]);
    });

    it('writes in the order of the calls', async () => {
      const agent = agentOn(client, { limits: { minYieldMs: 1 } });
      const { sessionId = 0 } = await agent.execCommand({ argv: ['cat'], stdin: true, yieldTimeMs: 1 });
      const numbers = Array.from({ length: 100 }, (_, number) => `${number}\n`);
      const answers = await Promise.all([
        ...numbers.map(chars => agent.writeStdin({ sessionId, chars })),
        agent.writeStdin({ sessionId, closeStdin: true, yieldTimeMs: 20_000 }),
      ]);
      expect(answers.map(({ output }) => output).join('')).to.equal(numbers.join(''));
    });
  });

  describe('a command whose start is still on its way', () => {
    it('becomes a session that can be written to, polled and listed', async () => {
      const { client, holdUp, goOn } = await heldUpConnection();
      const agent = agentOn(client, { limits: { minYieldMs: 1 } });
      holdUp();
      const { sessionId = 0, output } = await agent.execCommand({
        command: 'read x; echo "$x"; exit 3',
        shell: '/bin/sh',
        stdin: true,
        yieldTimeMs: 1,
      });
      expect([output, agent.list().length]).to.deep.equal(['', 1]);
      const typed = agent.writeStdin({ sessionId, chars: 'early\n', yieldTimeMs: 20_000 });
      goOn();
      expect(await typed).to.include({ output: 'early\n', exitCode: 3 });
      await client.close();
    });

    it('is ended as soon as it has started if its call is aborted', async () => {
      const { client, sent, holdUp, goOn } = await heldUpConnection();
      const agent = agentOn(client);
      const controller = new AbortController();
      holdUp();
      const call = rejection(agent.execCommand({ ...sleep, signal: controller.signal }));
      controller.abort();
      expect((await call).name).to.equal('AbortError');
      goOn();
      await agent.close();
      expect(sent).to.deep.equal(['process/start', 'process/terminate', 'process/terminate']);
      expect((await client.list()).filter(({ state }) => state !== 'closed')).to.deep.equal([]);
      await client.close();
    });

    it('fails its session when it fails', async () => {
      const { client, holdUp, goOn } = await heldUpConnection();
      const agent = agentOn(client, { limits: { minYieldMs: 1 } });
      holdUp();
      const { sessionId = 0 } = await agent.execCommand({
        argv: ['missing-program'],
        tty: true,
        yieldTimeMs: 1,
      });
      const typed = rejection(agent.writeStdin({ sessionId, chars: 'x', yieldTimeMs: 20_000 }));
      goOn();
      expect(await typed).to.include({ name: 'RequestError', kind: 'launchFailed' });
      expect(await rejection(agent.writeStdin({ sessionId }))).to.include({ kind: 'unknownSession' });
      await client.close();
    });
  });

  it('sends one request for a short command, and one for each write', async () => {
    const { client, sent } = await heldUpConnection();
    const agent = agentOn(client, { limits: { minYieldMs: 1, minPollMs: 1 } });
    await agent.execCommand({ argv: ['echo', 'short'] });
    expect(sent).to.deep.equal(['process/start']);
    sent.length = 0;
    const { sessionId = 0 } = await agent.execCommand({ argv: ['cat'], stdin: true, yieldTimeMs: 1 });
    await agent.writeStdin({ sessionId, chars: 'typed\n' });
    await agent.writeStdin({ sessionId });
    expect(sent).to.deep.equal(['process/start', 'process/write']);
    await agent.close();
    await client.close();
  });

  it('waits at most endWaitMs for the end of a process', async () => {
    const { client, holdUp, goOn } = await heldUpConnection();
    const agent = agentOn(client, { limits: { minYieldMs: 1, minPollMs: 1, endWaitMs: 30 } });
    const { sessionId = 0 } = await agent.execCommand({ ...sleep, yieldTimeMs: 1 });
    holdUp();
    expect(await agent.end({ sessionId })).to.include({ output: '', sessionId });
    await agent.close();
    expect((await rejection(agent.writeStdin({ sessionId }))).kind).to.equal('closed');
    goOn();
    await client.close();
  });

  describe('close', () => {
    it('ends sessions with pending calls, and is idempotent', async () => {
      const agent = agentOn(client);
      const call = agent.execCommand({ command: 'echo begun; exec sleep 600', yieldTimeMs: 30_000 });
      await untilListed(({ bytes }) => bytes.stdout === 6);
      await Promise.all([agent.close(), agent.close()]);
      expect(await call).to.include({ output: 'begun\n', reason: 'terminated' });
      for (const refused of [
        agent.execCommand({ argv: ['true'] }),
        agent.writeStdin({ sessionId: 1 }),
        agent.end({ sessionId: 1 }),
      ]) {
        expect(await rejection(refused)).to.include({ kind: 'closed' });
      }
    });
  });
});

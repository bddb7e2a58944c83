import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import {
  type CommandResult,
  ConnectionLostError,
  RequestError,
  runtimeOverlay,
  UnifiedExec,
  UnifiedExecError,
  type WriteStdinOptions,
} from '../../src/core/index.ts';
import { FrameDecoder } from '../../src/protocol/framing/frame-decoder.ts';
import { until } from '../support/until.ts';
import {
  type AgentServer,
  type AgentServerKind,
  CORE_ENV,
  embeddedServer,
  pipedServer,
  remoteServer,
} from './support/agents.ts';
import { describeWithSshd } from './support/sshd.ts';
import { survivorsIn, waitForNoSurvivorsIn } from './support/survivors.ts';

const MIB = 1024 * 1024;

/** Short waits, because the tests poll a session until the expected output arrives. */
const limits = { minYieldMs: 20, backgroundYieldMs: 20, writeYieldMs: 20, minPollMs: 20 };

const scenarios = (describeKind: typeof describe, kind: AgentServerKind) => {
  describeKind(`the commands of an agent on ${kind.name}`, () => {
    let server: AgentServer;
    let agent: UnifiedExec;
    let cwd: string;

    const agentOn = ({ client }: AgentServer) =>
      new UnifiedExec(client, { limits, defaultEnv: { runtime: { threadId: 'thread-7' } } });

    before(async () => {
      await kind.prepare();
      server = await kind.open();
    });

    after(async () => {
      await server.close();
      await kind.dispose();
    });

    beforeEach(() => {
      cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
      agent = agentOn(server);
    });

    afterEach(async () => {
      await agent.close();
      await waitForNoSurvivorsIn(cwd);
      rmSync(cwd, { recursive: true });
    });

    /** Runs a command line with sh instead of the account's shell. */
    const sh = (command: string, options: Partial<Parameters<UnifiedExec['execCommand']>[0]> = {}) =>
      agent.execCommand({ cwd, shell: '/bin/sh', ...options, command, argv: undefined });

    /** Starts a command that keeps running. */
    const session = async (command: string, options: Parameters<typeof sh>[1] = {}): Promise<number> => {
      const answer = await sh(command, { yieldTimeMs: 0, ...options });
      expect(answer.sessionId, `the command ended: ${answer.output}`).to.be.a('number');
      received.set(answer.sessionId as number, answer.output);
      receivedBytes.set(answer.sessionId as number, answer.outputBytes);
      return answer.sessionId as number;
    };

    const received = new Map<number, string>();
    const receivedBytes = new Map<number, number>();

    /** Writes to a session or polls it, and adds its output to `received`. */
    const write = async (
      sessionId: number,
      options: Partial<WriteStdinOptions> = {},
    ): Promise<CommandResult> => {
      const answer = await agent.writeStdin({ ...options, sessionId });
      received.set(sessionId, received.get(sessionId) + answer.output);
      receivedBytes.set(sessionId, (receivedBytes.get(sessionId) ?? 0) + answer.outputBytes);
      return answer;
    };

    /** Polls a session until all of its output includes a text. */
    const waitForOutput = async (sessionId: number, text: string): Promise<void> => {
      for (const deadline = performance.now() + 20_000; !received.get(sessionId)?.includes(text); ) {
        if (performance.now() > deadline) throw new Error(`no output ${text}: ${received.get(sessionId)}`);
        const { exitCode } = await write(sessionId);
        const output = received.get(sessionId);
        if (exitCode !== undefined && !output?.includes(text))
          throw new Error(`ended without ${text}: ${output}`);
      }
    };

    /** Writes to a session and polls it until it ends; returns the last result with all output. */
    const writeUntilEnd = async (sessionId: number, typed: Partial<WriteStdinOptions> = {}) => {
      let answer = await write(sessionId, typed);
      while (answer.sessionId !== undefined) answer = await write(sessionId, { yieldTimeMs: 20_000 });
      return { ...answer, output: received.get(sessionId) as string };
    };

    const refusal = async (promise: Promise<unknown>): Promise<unknown> => {
      const error = await promise.then(
        () => expect.fail('it was not refused'),
        error => error,
      );
      if (!(error instanceof UnifiedExecError)) throw error;
      return [error.kind, error.message];
    };

    it('returns the output and exit code of a short command in one result', async () => {
      const { wallTimeMs, ...answer } = await sh('echo out; echo err >&2; exit 3', { yieldTimeMs: 30_000 });
      expect(wallTimeMs).to.be.at.least(0);
      expect({ ...answer, output: answer.output.split('\n').sort() }).to.deep.equal({
        output: ['', 'err', 'out'],
        outputBytes: 8,
        omitted: { bytes: 0, tokens: 0 },
        exitCode: 3,
        signal: undefined,
        reason: 'exited',
        holders: undefined,
      });
      expect(agent.list()).to.deep.equal([]);
    });

    it("runs a command line with the account's shell, or with the given one", async () => {
      const { shell } = server.client.info;
      const command = shell.name === 'fish' ? 'status fish-path' : 'echo $0';
      expect((await agent.execCommand({ command })).output).to.equal(`${shell.path}\n`);
      expect((await agent.execCommand({ command: 'echo $0', shell: '/bin/bash' })).output).to.equal(
        '/bin/bash\n',
      );
    });

    it('runs a program without a shell', async () => {
      const argv = ['printf', '%s|', 'a b', '$HOME', '"'] as const;
      expect((await agent.execCommand({ argv })).output).to.equal('a b|$HOME|"|');
    });

    it('opens a session for a command that keeps running, until the command exits', async () => {
      const sessionId = await session('read name; echo "hello $name"; exit 5', { stdin: true });
      expect(agent.list().map(({ startedAtMs, ...info }) => info)).to.deep.equal([
        {
          sessionId,
          environment: 'default',
          command: 'read name; echo "hello $name"; exit 5',
          tty: false,
          state: 'running',
        },
      ]);
      const answer = await writeUntilEnd(sessionId, { chars: 'you\n' });
      expect(answer).to.include({ output: 'hello you\n', exitCode: 5 });
      expect(agent.list()).to.deep.equal([]);
    });

    it('returns the end of a session only once', async () => {
      const sessionId = await session('read x; echo done; exit 4', { stdin: true });
      const answers = [
        agent.writeStdin({ sessionId, chars: '\n', yieldTimeMs: 20_000 }),
        agent.writeStdin({ sessionId, yieldTimeMs: 20_000 }),
      ];
      const [first, second] = await Promise.all(answers);
      expect([first?.exitCode, second?.exitCode]).to.deep.equal([4, 4]);
      expect(`${first?.output}${second?.output}`).to.equal('done\n');
      expect(await refusal(agent.writeStdin({ sessionId }))).to.deep.equal([
        'unknownSession',
        `unknown session ${sessionId}: it has ended, and an earlier result had its exit code`,
      ]);
    });

    it('returns the last output of a session that has ended, regardless of the input', async () => {
      const sessionId = await session('read x; echo bye; exit 6', { stdin: true });
      // The call is aborted, so the session ends while no call waits.
      const controller = new AbortController();
      const typed = agent.writeStdin({
        sessionId,
        chars: '\n',
        yieldTimeMs: 30_000,
        signal: controller.signal,
      });
      controller.abort(new Error('not now'));
      expect(((await typed.catch(error => error)) as Error).message).to.equal('not now');
      await until(() => agent.list()[0]?.state === 'ended', 'the session has not ended');
      const { output, exitCode } = await agent.writeStdin({ sessionId, chars: 'too late\n' });
      expect({ output, exitCode }).to.deep.equal({ output: 'bye\n', exitCode: 6 });
    });

    it('writes to a terminal and returns the echo', async () => {
      const sessionId = await session('stty -onlcr; echo ready; exec cat', { tty: true });
      await waitForOutput(sessionId, 'ready\n');
      await write(sessionId, { chars: 'one\n' });
      await waitForOutput(sessionId, 'one\none\n');
      const { output, exitCode } = await writeUntilEnd(sessionId, { closeStdin: true });
      expect({ output, exitCode }).to.deep.equal({ output: 'ready\none\none\n', exitCode: 0 });
    });

    it('warns about a line that a terminal cuts, and not about one that it keeps', async () => {
      const type = async (length: number) => {
        const sessionId = await session('stty -echo; echo ready; head -n 1 | wc -c', { tty: true });
        await waitForOutput(sessionId, 'ready');
        // The result of the write has the warning, whether the command has ended by then or not.
        const { warning, ...answer } = await write(sessionId, { chars: `${'é'.repeat(length)}\n` });
        if (answer.sessionId !== undefined) await writeUntilEnd(sessionId);
        const output = received.get(sessionId) ?? '';
        return {
          bytes: Number(output.replace('ready', '')),
          warns: /a line of (\d+) bytes/.exec(warning ?? '')?.[1],
        };
      };
      // Two bytes each.
      expect(await type(2047)).to.deep.equal({ bytes: 4095, warns: undefined });
      expect(await type(2500)).to.deep.equal({ bytes: 4096, warns: '5000' });
    });

    it('gives a terminal the requested size', async () => {
      const size = async (tty: true | { columns: number; rows: number }) =>
        (await sh('stty size', { tty, yieldTimeMs: 20_000 })).output;
      expect(await size(true)).to.equal('24 80\r\n');
      expect(await size({ columns: 132, rows: 50 })).to.equal('50 132\r\n');
    });

    for (const tty of [true, false]) {
      it(`interrupts with Ctrl-C ${tty ? 'on a terminal' : 'without a terminal'}`, async () => {
        const script = 'trap "echo got; exit 7" INT; echo ready; while :; do sleep 0.05; done';
        const sessionId = await session(script, { tty });
        await waitForOutput(sessionId, tty ? 'ready\r\n' : 'ready\n');
        received.set(sessionId, '');
        const answer = await agent.writeStdin({ sessionId, chars: '\u0003', yieldTimeMs: 20_000 });
        expect(answer.output.replaceAll('\r', '')).to.equal(tty ? '^Cgot\n' : 'got\n');
        expect(answer.exitCode).to.equal(7);
      });
    }

    it('closes stdin after the written characters', async () => {
      const sessionId = await session('wc -c', { stdin: true });
      const answer = await agent.writeStdin({
        sessionId,
        chars: '\u0000\u0001\u0002ä',
        closeStdin: true,
        yieldTimeMs: 20_000,
      });
      expect([answer.output.trim(), answer.exitCode]).to.deep.equal(['5', 0]);
    });

    it('refuses to write to a session without stdin, and loses no output', async () => {
      const sessionId = await session('echo here; exec sleep 600');
      expect(await refusal(agent.writeStdin({ sessionId, chars: 'x' }))).to.deep.equal([
        'stdinClosed',
        'this session has no stdin: start the command with tty or stdin to write to it',
      ]);
      await waitForOutput(sessionId, 'here');
    });

    it('reports that a process has closed its stdin', async () => {
      const sessionId = await session('exec <&-; echo closed; exec sleep 600', { stdin: true });
      await waitForOutput(sessionId, 'closed');
      // The first writes may still fit into the pipe.
      const typed = async (): Promise<unknown> => {
        for (;;) await agent.writeStdin({ sessionId, chars: 'x'.repeat(65_536), yieldTimeMs: 0 });
      };
      expect(await refusal(typed())).to.deep.equal(['stdinClosed', 'the process has closed its stdin']);
      expect(agent.list().map(({ state }) => state)).to.deep.equal(['running']);
    });

    it('truncates big output to the budget and counts all bytes', async () => {
      const total = 5 * MIB;
      const answer = await sh(`echo head; head -c ${total - 10} /dev/zero | tr '\\0' x; echo tail`, {
        maxOutputTokens: 1000,
      });
      const gap = /\n… (\d+) bytes \(≈(\d+) tokens\) of output omitted …\n/;
      const [head = '', bytes, tokens, tail = ''] = answer.output.split(gap);
      expect([head, tail]).to.deep.equal([`head\n${'x'.repeat(1995)}`, `${'x'.repeat(1995)}tail\n`]);
      expect(answer.outputBytes).to.equal(total);
      expect(answer.omitted).to.deep.equal({ bytes: Number(bytes), tokens: Number(tokens) });
      expect(head.length + answer.omitted.bytes + tail.length).to.equal(total);
      expect(answer.exitCode).to.equal(0);
    });

    it('never blocks a process while the agent does not poll', async () => {
      const total = 24 * MIB;
      const sessionId = await session(`read x; head -c ${total} /dev/zero; touch written; read x`, {
        stdin: true,
      });
      const controller = new AbortController();
      const typed = agent.writeStdin({ sessionId, chars: '\n', signal: controller.signal });
      controller.abort();
      await typed.catch(() => {});
      await until(() => existsSync(join(cwd, 'written')), 'the command is blocked');
      let [bytes, exitCode]: [number, number | undefined] = [0, undefined];
      while (exitCode === undefined) {
        const answer = await agent.writeStdin({ sessionId, chars: '\n', yieldTimeMs: 20_000 });
        [bytes, exitCode] = [bytes + answer.outputBytes, answer.exitCode];
      }
      expect([bytes, exitCode]).to.deep.equal([total, 0]);
    });

    for (const tty of [false, true]) {
      it(`loses no output of a process that exits immediately ${tty ? 'on a terminal' : 'on pipes'}`, async () => {
        const text = 'x'.repeat(20_480);
        for (let count = 0; count < 40; count += 1) {
          const answer = await agent.execCommand({
            argv: ['/bin/echo', '-n', text],
            tty,
            yieldTimeMs: 30_000,
          });
          expect(answer.output === text, `run ${count}: ${answer.outputBytes} bytes`).to.equal(true);
        }
      });
    }

    it('returns stdout and stderr in the order of the writes with mergeStderr', async () => {
      const script = 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done';
      const expected = Array.from({ length: 9 }, (_, at) => `out ${at + 1}\nerr ${at + 1}\n`).join('');
      const answer = await sh(script, { mergeStderr: true }).catch(error => error);
      if (server.client.info.platformOs === 'linux') expect(answer.output).to.equal(expected);
      else expect(answer).to.include({ kind: 'unsupported' });
    });

    it('joins characters that arrive in pieces, separately for each stream', async () => {
      const sessionId = await session(
        'printf "1\\342\\202"; printf "2\\303" >&2; read x; printf "\\254"; read x; printf "\\244" >&2',
        { stdin: true },
      );
      for (const started of ['1', '2']) await waitForOutput(sessionId, started);
      await write(sessionId, { chars: '\n' });
      await waitForOutput(sessionId, '€');
      const { output } = await writeUntilEnd(sessionId, { chars: '\n' });
      expect(output.replace(/^(12|21)/, '')).to.equal('€ä');
      expect(receivedBytes.get(sessionId)).to.equal(7);
    });

    it('retains an incomplete character until the result with the rest of it', async () => {
      const sessionId = await session('printf "a\\342\\202"; read x; printf "\\254b"', { stdin: true });
      await waitForOutput(sessionId, 'a');
      expect(received.get(sessionId)).to.equal('a');
      await agent.writeStdin({ sessionId, chars: '\n', yieldTimeMs: 20_000 }).then(answer => {
        expect(answer).to.include({ output: '€b', outputBytes: 4, exitCode: 0 });
      });
    });

    it('returns U+FFFD for invalid UTF-8, and counts the original bytes', async () => {
      expect(await sh("printf '\\000\\001\\002\\377'")).to.include({
        output: '\u0000\u0001\u0002\ufffd',
        outputBytes: 4,
      });
    });

    it('returns when streams open in other processes are closed, and reports the holders', async () => {
      // Until its exec it has the name of its shell.
      const named =
        '{ while read -r name </proc/$!/comm && [ "$name" != sleep ]; do sleep 0.01; done; } 2>/dev/null';
      const answer = await sh(`sleep 600 & ${named}; echo $!; exit 3`, {
        drainMs: 100,
        yieldTimeMs: 20_000,
      });
      expect(answer.exitCode).to.equal(3);
      const pid = Number(answer.output);
      if (process.platform === 'linux') {
        expect(answer).to.have.deep.property('holders', [{ pid, name: 'sleep' }]);
      }
      process.kill(pid, 'SIGKILL');
    });

    it('leaves the output of a background process open after the exit of the shell, and ends it with the session', async () => {
      const server = '{ until [ -e go ]; do sleep 0.01; done; echo late; exec sleep 600; }';
      const { sessionId = 0, ...first } = await sh(`${server} & echo begun; exit 3`, { yieldTimeMs: 30_000 });
      expect(first).to.include({ output: 'begun\n', exitCode: 3, reason: 'exited', outputOpen: true });
      expect(agent.list().map(({ state }) => state)).to.deep.equal(['exited']);
      received.set(sessionId, '');
      writeFileSync(join(cwd, 'go'), '');
      for (
        let answer = await write(sessionId);
        received.get(sessionId) === '';
        answer = await write(sessionId)
      )
        expect(answer).to.include({ sessionId, exitCode: 3, outputOpen: true });
      expect(received.get(sessionId)).to.equal('late\n');
      const last = await agent.end({ sessionId });
      expect([last.sessionId, last.exitCode, last.reason, last.outputOpen]).to.deep.equal([
        undefined,
        3,
        'exited',
        undefined,
      ]);
    });

    it('returns the last result when a background process has ended, too', async () => {
      const { sessionId = 0 } = await sh('{ until [ -e go ]; do sleep 0.01; done; echo late; } & exit 3');
      received.set(sessionId, '');
      writeFileSync(join(cwd, 'go'), '');
      expect(await writeUntilEnd(sessionId)).to.include({ output: 'late\n', exitCode: 3, reason: 'exited' });
      expect(agent.list()).to.deep.equal([]);
    });

    it('ends a command at its timeout', async () => {
      const timedOut = async (timeoutMs: number): Promise<CommandResult> => {
        const answer = await sh('echo started; exec sleep 600', { timeoutMs, yieldTimeMs: 30_000 });
        // On a slow machine the command may not have started; a longer timeout follows.
        return answer.output !== '' ? answer : timedOut(timeoutMs * 4);
      };
      expect(await timedOut(300)).to.include({
        output: 'started\n',
        reason: 'timeout',
        signal: 'SIGTERM',
        exitCode: 143,
      });
    });

    it('reports a missing program of an argv as an error, and of a command line as the shell does', async () => {
      const error = await agent.execCommand({ argv: ['missing-program'] }).catch(error => error);
      expect(error).to.be.instanceOf(RequestError);
      expect([error.kind, error.data.stage]).to.deep.equal(['launchFailed', 'resolve']);
      const answer = await sh('missing-program');
      expect(answer.exitCode).to.equal(127);
      expect(answer.output).to.contain('not found');
    });

    it('ends a session on request and returns its last output', async () => {
      const sessionId = await session(
        'trap "echo bye; exit 9" TERM; echo ready; while :; do sleep 0.05; done',
      );
      await waitForOutput(sessionId, 'ready');
      const { output, exitCode, reason } = await agent.end({ sessionId });
      expect([exitCode, reason]).to.deep.equal([9, 'terminated']);
      expect(output).to.match(/bye\n$/);
      expect(await refusal(agent.end({ sessionId }))).to.deep.equal([
        'unknownSession',
        `unknown session ${sessionId}: it was ended on request`,
      ]);
    });

    it('ends a command whose call is aborted', async () => {
      const controller = new AbortController();
      const running = sh('touch started; exec sleep 600', { signal: controller.signal, yieldTimeMs: 30_000 });
      await until(() => existsSync(join(cwd, 'started')), 'the command has not started');
      controller.abort(new Error('the turn was interrupted'));
      expect(((await running.catch(error => error)) as Error).message).to.equal('the turn was interrupted');
      await waitForNoSurvivorsIn(cwd);
      expect(agent.list()).to.deep.equal([]);
    });

    it('ends the least recently used session for the 65th', async () => {
      const opened = await Promise.all(
        Array.from({ length: 64 }, () => sh('exec cat', { stdin: true, yieldTimeMs: 0 })),
      );
      const warnings = opened.map(({ warning }) => warning).filter(warning => warning !== undefined);
      expect(warnings).to.have.lengthOf(5);
      expect(warnings).to.include('60 of at most 64 sessions are open: end those that are no longer needed');
      await agent.writeStdin({ sessionId: 1, chars: '' });
      const last = await sh('exec cat', { stdin: true, yieldTimeMs: 0 });
      expect([last.sessionId, last.warning]).to.deep.equal([
        65,
        'session 2 was ended to make room: at most 64 can be open',
      ]);
      expect(await refusal(agent.writeStdin({ sessionId: 2 }))).to.deep.equal([
        'unknownSession',
        'unknown session 2: it was ended to make room for a new one',
      ]);
      await until(
        () => survivorsIn(cwd).length === 64,
        () => `${survivorsIn(cwd).length} processes are left, expected 64`,
      );
      expect(agent.list().map(({ sessionId }) => sessionId)).to.have.members([
        1,
        ...Array.from({ length: 63 }, (_, at) => at + 3),
      ]);
    });

    it('ends every process when it is closed, and refuses more calls', async () => {
      await session('trap "" TERM HUP; echo ready; while :; do sleep 0.05; done', { tty: true });
      await agent.close();
      expect(survivorsIn(cwd)).to.deep.equal([]);
      expect(await refusal(sh('true'))).to.deep.equal(['closed', 'this UnifiedExec is closed']);
    });

    it('reads the start-up files of a login shell once, and each time without snapshots', async function () {
      if (process.platform !== 'linux') this.skip();
      const count = 'printf x >>"$HOME/reads"';
      const profile = join(cwd, '.profile');
      writeFileSync(profile, `${count}\nexport FROM_PROFILE=value\nalias greet='echo hello'\n`);
      await until(() => statSync(profile).ctimeMs < Date.now() - 50, 'the file is not older than a tick');
      const options = { login: true, env: { HOME: cwd }, yieldTimeMs: 30_000 };
      const command = 'greet $FROM_PROFILE; cat "$HOME/reads"; exit 3';
      for (const _ of [1, 2, 3]) {
        const { output, exitCode } = await sh(command, options);
        expect({ output, exitCode }).to.deep.equal({ output: 'hello value\nx', exitCode: 3 });
      }
      const plain = new UnifiedExec(server.client, { shellSnapshots: false });
      for (const reads of ['xx', 'xxx']) {
        const { output } = await plain.execCommand({ ...options, command, cwd, shell: '/bin/sh' });
        expect(output).to.equal(`hello value\n${reads}`);
      }
      await plain.close();
    });

    it('creates the environment of a command on the server', async () => {
      const before = server.received().length;
      const answer = await agent.execCommand({
        argv: ['/usr/bin/env', '-0'],
        env: { ADDED: 'by this command', PAGER: null },
      });
      const { PAGER, ...facts } = runtimeOverlay({ threadId: 'thread-7', unifiedExec: true });
      const { FAKE_API_KEY, ...inherited } = server.hostEnv;
      const env = parseEnv(answer.output);
      expect(env).to.include({ ...inherited, ...facts, ADDED: 'by this command' });
      expect(env).not.to.have.any.keys('PAGER', 'FAKE_API_KEY');
      if (!kind.remote) return;
      expect(env).not.to.have.property('ONLY_HERE');
      const sent = server.received().subarray(before).toString();
      expect(sent).to.contain('by this command').and.contain('thread-7');
      for (const value of [CORE_ENV.FAKE_API_KEY, CORE_ENV.ONLY_HERE, CORE_ENV.CODEX_THREAD_ID]) {
        expect(`${sent}${answer.output}`).not.to.contain(value);
      }
    });

    if (kind.remote) {
      it('sends one message for a short command', async () => {
        const before = server.received().length;
        const answer = await sh('echo short');
        expect(answer.output).to.equal('short\n');
        expect(methodsIn(server.received().subarray(before))).to.deep.equal(['process/start']);
      });
    }

    if (kind !== embeddedServer) {
      it('reports a lost connection to all waiting calls and to the next call for each session', async () => {
        const dropped = await kind.open();
        agent = agentOn(dropped);
        const [idle, polled] = [await session('exec sleep 600'), await session('exec sleep 600')];
        const waiting = [
          sh('exec sleep 600', { yieldTimeMs: 30_000 }),
          agent.writeStdin({ sessionId: polled, yieldTimeMs: 300_000 }),
        ].map(promise => promise.catch(error => error));
        await dropped.drop?.();
        const idleError = await agent.writeStdin({ sessionId: idle }).catch(error => error);
        for (const error of [...(await Promise.all(waiting)), idleError]) {
          expect(error).to.be.instanceOf(ConnectionLostError);
        }
        expect(agent.list()).to.deep.equal([]);
        for (const sessionId of [idle, polled]) {
          expect(await refusal(agent.writeStdin({ sessionId }))).to.have.property('0', 'unknownSession');
        }
        await dropped.close();
      });
    }

    describe('with login', () => {
      for (const { shell, file, line } of LOGIN_SHELLS) {
        it(`${shell} reads ${file}`, async function () {
          const path = ['/bin', '/usr/bin', '/usr/local/bin']
            .map(directory => join(directory, shell))
            .find(existsSync);
          if (path === undefined) {
            if (process.env.CI) throw new Error(`${shell} is not installed`);
            return this.skip();
          }
          const profile = join(server.home, file);
          mkdirSync(dirname(profile), { recursive: true });
          writeFileSync(profile, `${line}\n`);
          try {
            const run = async (login: boolean) => {
              const command = 'printenv FROM_PROFILE; false';
              const answer = await agent.execCommand({ command, shell: path, login });
              return [answer.output, answer.exitCode];
            };
            expect(await run(true)).to.deep.equal(['it was read\n', 1]);
            expect(await run(false)).to.deep.equal(['', 1]);
          } finally {
            rmSync(profile);
          }
        });
      }
    });
  });
};

const POSIX = 'export FROM_PROFILE="it was read"';

const LOGIN_SHELLS = [
  { shell: 'bash', file: '.bash_profile', line: POSIX },
  { shell: 'dash', file: '.profile', line: POSIX },
  { shell: 'zsh', file: '.zprofile', line: POSIX },
  {
    shell: 'fish',
    file: '.config/fish/config.fish',
    line: 'status is-login; and set -x FROM_PROFILE "it was read"',
  },
  { shell: 'tcsh', file: '.login', line: 'setenv FROM_PROFILE "it was read"' },
] as const;

const parseEnv = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\0')
      .filter(variable => variable !== '')
      .map(variable => [variable.slice(0, variable.indexOf('=')), variable.slice(variable.indexOf('=') + 1)]),
  );

const methodsIn = (frames: Buffer): string[] => {
  const methods: string[] = [];
  const decoder = new FrameDecoder({
    frame: body => void methods.push(JSON.parse(body.toString()).method),
    rejected: error => expect.fail(error.message),
    lost: reason => expect.fail(reason),
  });
  decoder.push(frames);
  return methods;
};

scenarios(describe, embeddedServer);
scenarios(describe, pipedServer);
scenarios(describeWithSshd as typeof describe, remoteServer);

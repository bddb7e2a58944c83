import { expect } from 'chai';
import type { ExecClient } from '../../../src/core/exec-client.ts';
import { CommandSession } from '../../../src/core/unified-exec/command-session.ts';
import { connectEmbedded } from '../../../src/embedded/index.ts';

describe('CommandSession', () => {
  let client: ExecClient;

  before(async () => {
    client = await connectEmbedded();
  });

  after(() => client.close());

  const start = (script: string, drainMs?: number, backgroundYieldMs = 1) => {
    const started = client.start({ argv: ['sh', '-c', script], drainMs: drainMs ?? 600_000 });
    const facts = { environment: 'here', command: script, tty: false, stdin: false, drainMs };
    return { started, session: new CommandSession(started, facts, { keptBytes: 1024, backgroundYieldMs }) };
  };

  it('is awaited only while a call waits', async () => {
    const { session } = start('exec sleep 600', 0);
    const controller = new AbortController();
    const waits = session.wait(60_000, controller.signal);
    expect(session.awaited).to.equal(true);
    controller.abort();
    expect([await waits, session.awaited]).to.deep.equal(['aborted', false]);
    expect(await session.wait(1)).to.equal('late');
    expect(await session.wait(60_000, undefined, Promise.resolve())).to.equal('settled');
    session.terminate();
    expect(await session.wait(60_000)).to.equal('settled');
    expect(session.outcome).to.deep.equal({
      end: { exitCode: 143, signal: 'SIGTERM', reason: 'terminated', holders: undefined },
    });
  });

  it('is waited for until its streams are cut, if it has exited and that is soon', async () => {
    const { started, session } = start('echo $$; sleep 600 & exit 3', 1000);
    await (await started).exit;
    expect(await session.wait(1)).to.equal('settled');
    expect(session.outcome).to.have.property('end').that.includes({ exitCode: 3 });
  });

  it('is waited for only until its process has exited, if its streams are never cut', async () => {
    const { session } = start('echo out; sleep 600 & exit 3');
    expect(await session.wait(600_000)).to.equal('settled');
    expect([session.outcome, session.exit, session.isAnswered]).to.deep.equal([
      undefined,
      { exitCode: 3, signal: undefined, reason: 'exited' },
      false,
    ]);
    expect(session.take(100).head.toString()).to.equal('out\n');
    // The caller knows of the exit.
    expect(await session.wait(20)).to.equal('late');
    session.terminate();
    await session.waitUntilOver(600_000);
    expect([session.exit, session.isAnswered]).to.deep.equal([undefined, true]);
  });

  it('is waited for as long as output arrives after the exit of its process', async () => {
    const { session } = start(
      'for n in 1 2 3 4 5 6 7 8; do sleep 0.02; echo $n; done & :',
      undefined,
      10_000,
    );
    expect(await session.wait(600_000)).to.equal('settled');
    expect([session.outcome === undefined, session.take(100).head.toString()]).to.deep.equal([
      false,
      '1\n2\n3\n4\n5\n6\n7\n8\n',
    ]);
  });

  it('keeps its output from the start until it is taken', async () => {
    const { session } = start('echo out; exit 1', 1000);
    await session.over;
    expect(session.take(100).head.toString()).to.equal('out\n');
    expect(session.take(100).total).to.equal(0);
  });
});

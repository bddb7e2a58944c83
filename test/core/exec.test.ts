import { expect } from 'chai';
import { RequestError } from '../../src/core/errors.ts';
import { ExecError } from '../../src/core/exec.ts';
import type { ExecClient } from '../../src/core/exec-client.ts';
import { connectEmbedded } from '../../src/embedded/index.ts';

describe('exec', () => {
  let client: ExecClient;

  before(async () => {
    client = await connectEmbedded();
  });

  after(() => client.close());

  const sh = (script: string) => ['-c', script];

  const failure = async (promise: Promise<unknown>): Promise<ExecError> => {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof ExecError)) throw error ?? new Error('did not reject');
    return error;
  };

  it('returns the output as text without the final line end', async () => {
    const { durationMs, ...result } = await client.exec('sh', sh('echo "two  words"; echo; echo err >&2'));
    expect(durationMs).to.be.above(0);
    expect(result).to.deep.equal({
      command: 'sh -c "echo \\"two  words\\"; echo; echo err >&2"',
      stdout: 'two  words\n',
      stderr: 'err',
      exitCode: 0,
      signal: undefined,
      reason: 'exited',
      failed: false,
      timedOut: false,
    });
  });

  it('returns bytes if encoding is buffer', async () => {
    const { stdout } = await client.exec('printf', ['\\377\n'], { encoding: 'buffer' });
    expect(stdout).to.deep.equal(Buffer.from([0xff, 0x0a]));
  });

  it('writes input to stdin; without it stdin is empty', async () => {
    const input = 'x'.repeat(3_000_000);
    expect((await client.exec('cat', [], { input })).stdout).to.equal(input);
    expect((await client.exec('cat')).stdout).to.equal('');
  });

  it('ignores input that the command does not read', async () => {
    expect((await client.exec('true', [], { input: 'x'.repeat(3_000_000) })).failed).to.equal(false);
  });

  it('passes cwd, env and other options to the start', async () => {
    const { stdout } = await client.exec('sh', sh('pwd; echo $A; echo err >&2'), {
      cwd: '/',
      env: { overlay: { A: '1' } },
      mergeStderr: true,
    });
    expect(stdout).to.equal('/\n1\nerr');
  });

  it('rejects with the result if the command fails, and ends the message with stderr', async () => {
    const error = await failure(client.exec('sh', sh('echo out; printf "one\\n\\033[2Jtwo\\n" >&2; exit 3')));
    expect(error.message.split('\n').slice(-3)).to.deep.equal([
      'Command failed with exit code 3: sh -c "echo out; printf \\"one\\\\n\\\\033[2Jtwo\\\\n\\" >&2; exit 3"',
      'one',
      '\\u001b[2Jtwo',
    ]);
    expect(error).to.include({
      name: 'ExecError',
      stdout: 'out',
      exitCode: 3,
      failed: true,
      timedOut: false,
    });
  });

  it('returns the result of a command that fails if reject is false', async () => {
    expect(await client.exec('sh', sh('exit 3'), { reject: false })).to.include({
      exitCode: 3,
      failed: true,
    });
  });

  it('reports a signal, a timeout and a termination in the message', async () => {
    expect((await failure(client.exec('sh', sh('kill -KILL $$')))).message).to.equal(
      'Command was killed by SIGKILL: sh -c "kill -KILL $$"',
    );
    const timeout = await failure(client.exec('sleep', ['600'], { timeoutMs: 50 }));
    expect(timeout.message).to.equal('Command timed out after 50 ms: sleep 600');
    expect(timeout).to.include({ timedOut: true, reason: 'timeout', signal: 'SIGTERM' });
  });

  it('rejects with the reason of an abort, also if reject is false', async () => {
    const controller = new AbortController();
    const running = client
      .exec('sleep', ['600'], { signal: controller.signal, reject: false })
      .catch((error: unknown) => error);
    setTimeout(() => controller.abort('the reason'), 50);
    expect(await running).to.equal('the reason');
  });

  it('rejects with the error of a start, and for more output than maxBuffer', async () => {
    const errors = await Promise.all(
      [client.exec('no-such-program'), client.exec('yes', [], { maxBuffer: 1000 })].map(promise =>
        promise.catch((error: unknown) => error),
      ),
    );
    expect(errors.map(error => error instanceof RequestError && error.kind)).to.deep.equal([
      'launchFailed',
      'limitExceeded',
    ]);
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { runCli } from './support/cli.ts';
import { delayedServer } from './support/delayed-server.ts';

const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/home/me' };

describe('exec-server run over a link with a round trip of 100 ms', () => {
  it('forwards 32 MiB of stdin and of output unchanged', async () => {
    const input = randomBytes(32 * 1024 * 1024);
    const { stdout, stderr, end } = await runCli(['run', '--via', delayedServer(50), '--', 'cat'], {
      env,
      input,
    });
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect({ stderr, end, digest: digest(stdout) }).to.deep.equal({
      stderr: '',
      end: 0,
      digest: digest(input),
    });
  });
});

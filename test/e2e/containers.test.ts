import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, containerServer, shellServer } from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import { CLIENT_CACHE } from './support/bare-host.ts';
import { runCli } from './support/cli.ts';
import { type Containers, startContainers } from './support/containers.ts';
import { programPath } from './support/program.ts';

describe('a container without Node', () => {
  let containers: Containers;
  let env: NodeJS.ProcessEnv;

  before(function () {
    if (process.platform !== 'linux') this.skip();
    containers = startContainers(this);
    env = { ...containers.env, XDG_CACHE_HOME: join(CLIENT_CACHE, 'of-run') };
  });

  after(() => containers?.stop());

  const run = async (...args: string[]) => {
    const { stdout, stderr, end } = await runCli(['run', ...args], { env });
    return { stdout: stdout.toString(), stderr, end };
  };

  it('runs commands by --podman, and installs the server once', async () => {
    const box = containers.start('glibc');
    for (let count = 0; count < 2; count += 1) {
      expect(await run('--podman', box, '--', 'printenv', 'HOME')).to.deep.equal({
        stdout: '/root\n',
        stderr: '',
        end: 0,
      });
    }
    const found = containers.podman('exec', box, 'sh', '-c', 'ls ~/.cache/exec-server');
    expect(found).to.match(/^\d+\.\d+\.\d+-[0-9a-f]{16}-Linux-\S+\nruntime-Linux-\S+\nruntimes\nused\n$/);
  });

  it('runs commands by --via-shell', async () => {
    const box = containers.start('glibc');
    const { stdout, stderr, end } = await run(
      '--via-shell',
      `podman exec -i ${box}`,
      '--',
      'printenv',
      'HOME',
    );
    expect({ stdout, stderr, end }).to.deep.equal({ stdout: '/root\n', stderr: '', end: 0 });
  });

  it('has terminals', async () => {
    const client = await connect(containerServer(containers.start('glibc'), 'podman'), {
      localEnv: env,
      bootstrap: { cacheDirectory: CLIENT_CACHE },
    });
    const child = await client.start({ argv: ['stty', 'size'], tty: { columns: 100, rows: 30 } });
    expect(String((await child.collect()).pty)).to.equal('30 100\r\n');
    await client.close();
  });

  it('has no process left after the client is killed', async () => {
    const box = containers.start('glibc');
    const client = spawn(
      process.execPath,
      [programPath, 'run', '--podman', box, '--', 'sh', '-c', 'echo started; sleep 4321 & sleep 4321'],
      { env, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(client.stdout, 'data');
    client.kill('SIGKILL');
    await until(
      () => !containers.podman('exec', box, 'ps', '-e', '-o', 'args').includes('4321'),
      'the command is still running',
    );
  });

  it('is refused with the reason if no Node can run in it', async () => {
    const box = containers.start('busybox');
    const { stdout, stderr, end } = await run('--podman', box, '--', 'true');
    expect({ stdout, end }).to.deep.equal({ stdout: '', end: 255 });
    // A busybox that is not static brings glibc along, without the other library of Node.
    const reason = stderr.includes('libstdc++')
      ? /the Node that was sent does not run on this host: .*libstdc\+\+\.so\.6/
      : /Node needs glibc, which was not found on the host; install Node there, or specify .* --runtime FILE\n$/;
    expect(stderr).to.match(reason);
  });

  it('is reported if it does not exist', async () => {
    const { stderr, end } = await run('--podman', 'no-such-box', '--', 'true');
    expect(end).to.equal(255);
    expect(stderr).to.match(/no such container|no container with name/);
    const error = await connect(shellServer(['podman', 'exec', '-i', 'no-such-box']), {
      localEnv: env,
    }).catch(error => error);
    expect(error.likelyCause?.kind).to.equal('noContainer');
  });
});

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { expect } from 'chai';
import type { Target } from '../../src/core/target.ts';
import { openTransport, protectFromTerminalSignals } from '../../src/core/transport.ts';
import { until } from '../support/until.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

const target = (location: Target['location'], ...argv: [string, ...string[]]): Target => ({
  argv,
  location,
  label: 'a test',
});

const script = (text: string) => target('local', 'sh', '-c', text);

const firstBytes = async (stream: Readable): Promise<string> => String((await once(stream, 'data'))[0]);

const textOf = async (stream: Readable): Promise<string> => {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
};

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('protectFromTerminalSignals', () => {
  const argv = ['ssh', '-T', 'devbox'] as const;
  const ssh = target('remote', ...argv);
  const server = target('local', 'exec-server', '--stdio');

  for (const platform of ['linux', 'darwin'] as const) {
    it(`runs a local server in its own POSIX session on ${platform}`, () => {
      expect(protectFromTerminalSignals(server, {}, platform)).to.deep.equal({
        argv: server.argv,
        detached: true,
      });
    });

    it(`keeps a program that may ask for a password at the terminal on ${platform}, and ignores SIGINT and SIGQUIT`, () => {
      expect(protectFromTerminalSignals(ssh, {}, platform)).to.deep.equal({
        argv: ['/bin/sh', '-c', 'trap "" INT QUIT; unset PWD OLDPWD SHLVL; exec "$@"', 'sh', ...argv],
        detached: false,
      });
    });

    it(`removes variables that only the shell adds on ${platform}`, () => {
      const scriptFor = (env: NodeJS.ProcessEnv) => protectFromTerminalSignals(ssh, env, platform).argv[2];
      expect(scriptFor({ PWD: '/', SHLVL: '' })).to.equal('trap "" INT QUIT; unset OLDPWD; exec "$@"');
      expect(scriptFor({ PWD: '/', OLDPWD: '/', SHLVL: '1' })).to.equal('trap "" INT QUIT; exec "$@"');
    });
  }

  for (const location of ['local', 'remote'] as const) {
    it(`runs a ${location} server without a shell on win32`, () => {
      const plain = target(location, ...argv);
      expect(protectFromTerminalSignals(plain, {}, 'win32')).to.deep.equal({ argv, detached: false });
    });
  }
});

describe('openTransport', () => {
  const env = { PATH };

  it('transfers bytes in both directions, and ends at the end of stdin', async () => {
    const transport = openTransport(script('cat'), env);
    transport.output.write('over and back');
    expect(await firstBytes(transport.input)).to.equal('over and back');
    await transport.close();
    expect(await transport.ended).to.deep.equal({ program: 'sh', exitCode: 0, signal: null, stderr: [] });
  });

  it('reports the exit code and the first and last lines of stderr', async () => {
    const transport = openTransport(script('seq 40 >&2; echo >&2; printf last >&2; exit 7'), env);
    expect(await transport.ended).to.deep.equal({
      program: 'sh',
      exitCode: 7,
      signal: null,
      stderr: [...numbers(1, 20), '…', ...numbers(32, 40), 'last'],
    });
  });

  it('reports the signal that killed the program', async () => {
    const { ended } = openTransport(script('kill -KILL $$'), env);
    expect(await ended).to.deep.equal({ program: 'sh', exitCode: null, signal: 'SIGKILL', stderr: [] });
  });

  it('is not blocked by a stderr without a reader', async () => {
    const { ended } = openTransport(script('head -c 1000000 /dev/zero >&2; echo >&2; echo done >&2'), env);
    expect(await ended).to.deep.include({ exitCode: 0 });
    expect((await ended).stderr.at(-1)).to.equal('done');
  });

  it('reports a missing program', async () => {
    const transport = openTransport(target('local', 'no-such-program'), env);
    // Writes are lost without an error.
    transport.output.write('lost');
    expect(await transport.ended).to.deep.equal({
      program: 'no-such-program',
      errno: 'ENOENT',
      exitCode: null,
      signal: null,
      stderr: [],
    });
    await transport.close();
  });

  it('reports a missing program to a remote server in the stderr of the shell', async () => {
    const { stderr, ...end } = await openTransport(target('remote', 'no-such-program'), env).ended;
    expect(end).to.deep.equal({ program: 'no-such-program', exitCode: 127, signal: null });
    expect(stderr.join()).to.match(/no-such-program.*not found/);
  });

  it('protects a program to a remote server from SIGINT and SIGQUIT', async () => {
    const transport = openTransport(target('remote', 'sh', '-c', 'kill -INT $$; kill -QUIT $$; exit 5'), env);
    expect(await transport.ended).to.deep.include({ exitCode: 5, signal: null });
  });

  it('passes arguments and environment unchanged to a program to a remote server', async () => {
    const print = ['sh', '-c', 'printf "%s\\n" "$@"; exec env', 'sh', 'a  b', '', '$HOME', '*', '"'] as const;
    const [there, here] = await Promise.all(
      (['remote', 'local'] as const).map(location =>
        textOf(openTransport(target(location, ...print), { PATH, A: ' "$B"\n' }).input),
      ),
    );
    expect(there).to.equal(here);
  });

  it('sends SIGTERM to a program that ignores the end of its stdin', async () => {
    const transport = openTransport(script('exec sleep 600'), env);
    await transport.close();
    expect(await transport.ended).to.deep.include({ exitCode: null, signal: 'SIGTERM' });
  });

  it('sends SIGKILL to a program that ignores SIGTERM', async () => {
    const transport = openTransport(script('trap "" TERM; echo deaf; exec sleep 600'), env);
    await firstBytes(transport.input);
    await transport.abort();
    expect(await transport.ended).to.deep.include({ exitCode: null, signal: 'SIGKILL' });
  });

  it('reports the last lines of a program that ended in time, even if this process was stopped in between', async function () {
    if (process.platform !== 'linux') this.skip();
    const transport = openTransport(
      script('trap "echo last >&2; exit 3" TERM; echo $$; while :; do sleep 0.01; done'),
      env,
    );
    const pid = Number(await firstBytes(transport.input));
    const aborted = transport.abort();
    const isZombie = () => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    // Longer than the grace from SIGTERM to SIGKILL.
    for (const stop = performance.now() + 1500; performance.now() < stop || !isZombie(); );
    await aborted;
    expect(await transport.ended).to.deep.equal({
      program: 'sh',
      exitCode: 3,
      signal: null,
      stderr: ['last'],
    });
  });

  it('does not wait for a grandchild that holds the streams', async () => {
    const transport = openTransport(script('sleep 600 & echo $$ $!; exit 3'), env);
    const [child = 0, grandchild = 0] = (await firstBytes(transport.input)).split(' ').map(Number);
    await until(() => !isAlive(child), 'the program has not ended');
    try {
      await transport.abort();
      expect(await transport.ended).to.deep.include({ exitCode: 3, signal: null });
    } finally {
      process.kill(grandchild, 'SIGKILL');
    }
  });

  it('does not wait for output that is not read', async () => {
    const transport = openTransport(script('head -c 1000000 /dev/zero; exit 3'), env);
    await once(transport.input, 'readable');
    transport.input.pause();
    await transport.abort();
    expect(await transport.ended).to.deep.include({ exitCode: null, signal: 'SIGTERM' });
  });

  it('is idempotent in close and abort', async () => {
    const transport = openTransport(script('cat'), env);
    await Promise.all([transport.close(), transport.close()]);
    await transport.abort();
    await transport.close();
    expect(await transport.ended).to.deep.include({ exitCode: 0 });
  });
});

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
    it(`gives a local server a session of its own on ${platform}`, () => {
      expect(protectFromTerminalSignals(server, {}, platform)).to.deep.equal({
        argv: server.argv,
        detached: true,
      });
    });

    it(`leaves what may ask for a password at the terminal on ${platform}, deaf to its keys`, () => {
      expect(protectFromTerminalSignals(ssh, {}, platform)).to.deep.equal({
        argv: ['/bin/sh', '-c', 'trap "" INT QUIT; unset PWD OLDPWD SHLVL; exec "$@"', 'sh', ...argv],
        detached: false,
      });
    });

    it(`leaves the program on ${platform} what the environment has, and takes what only the shell adds`, () => {
      const scriptFor = (env: NodeJS.ProcessEnv) => protectFromTerminalSignals(ssh, env, platform).argv[2];
      expect(scriptFor({ PWD: '/', SHLVL: '' })).to.equal('trap "" INT QUIT; unset OLDPWD; exec "$@"');
      expect(scriptFor({ PWD: '/', OLDPWD: '/', SHLVL: '1' })).to.equal('trap "" INT QUIT; exec "$@"');
    });
  }

  for (const location of ['local', 'remote'] as const) {
    it(`changes nothing on win32, where a ${location} server needs no shell`, () => {
      const plain = target(location, ...argv);
      expect(protectFromTerminalSignals(plain, {}, 'win32')).to.deep.equal({ argv, detached: false });
    });
  }
});

describe('openTransport', () => {
  const env = { PATH };

  it('carries bytes both ways and ends with the end of stdin', async () => {
    const transport = openTransport(script('cat'), env);
    transport.output.write('over and back');
    expect(await firstBytes(transport.input)).to.equal('over and back');
    await transport.close();
    expect(await transport.ended).to.deep.equal({ program: 'sh', exitCode: 0, signal: null, stderr: [] });
  });

  it('tells the exit code and the last lines of stderr', async () => {
    const transport = openTransport(script('seq 12 >&2; echo >&2; printf last >&2; exit 7'), env);
    expect(await transport.ended).to.deep.equal({
      program: 'sh',
      exitCode: 7,
      signal: null,
      stderr: ['4', '5', '6', '7', '8', '9', '10', '11', '12', 'last'],
    });
  });

  it('tells the signal that ended the program', async () => {
    const { ended } = openTransport(script('kill -KILL $$'), env);
    expect(await ended).to.deep.equal({ program: 'sh', exitCode: null, signal: 'SIGKILL', stderr: [] });
  });

  it('is not held up by a stderr that nobody asked for', async () => {
    const { ended } = openTransport(script('head -c 1000000 /dev/zero >&2; echo >&2; echo done >&2'), env);
    expect(await ended).to.deep.include({ exitCode: 0 });
    expect((await ended).stderr.at(-1)).to.equal('done');
  });

  it('tells that the program is missing', async () => {
    const transport = openTransport(target('local', 'no-such-program'), env);
    // What is written to it is lost, not thrown.
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

  it('tells in the words of the shell that a program to a remote server is missing', async () => {
    const { stderr, ...end } = await openTransport(target('remote', 'no-such-program'), env).ended;
    expect(end).to.deep.equal({ program: 'no-such-program', exitCode: 127, signal: null });
    expect(stderr.join()).to.match(/no-such-program.*not found/);
  });

  it('keeps the signals of the keyboard from a program to a remote server', async () => {
    const transport = openTransport(target('remote', 'sh', '-c', 'kill -INT $$; kill -QUIT $$; exit 5'), env);
    expect(await transport.ended).to.deep.include({ exitCode: 5, signal: null });
  });

  it('gives a program to a remote server its arguments and environment as they are', async () => {
    const print = ['sh', '-c', 'printf "%s\\n" "$@"; exec env', 'sh', 'a  b', '', '$HOME', '*', '"'] as const;
    const [there, here] = await Promise.all(
      (['remote', 'local'] as const).map(location =>
        textOf(openTransport(target(location, ...print), { PATH, A: ' "$B"\n' }).input),
      ),
    );
    expect(there).to.equal(here);
  });

  it('ends a program that takes no notice of the end of its stdin, by SIGTERM', async () => {
    const transport = openTransport(script('exec sleep 600'), env);
    await transport.close();
    expect(await transport.ended).to.deep.include({ exitCode: null, signal: 'SIGTERM' });
  });

  it('aborts a program that takes no notice of SIGTERM, by SIGKILL', async () => {
    const transport = openTransport(script('trap "" TERM; echo deaf; exec sleep 600'), env);
    await firstBytes(transport.input);
    await transport.abort();
    expect(await transport.ended).to.deep.include({ exitCode: null, signal: 'SIGKILL' });
  });

  it('tells the last words of a program that ended in time, also when this process stood still meanwhile', async function () {
    if (process.platform !== 'linux') this.skip();
    const transport = openTransport(
      script('trap "echo last >&2; exit 3" TERM; echo $$; while :; do sleep 0.01; done'),
      env,
    );
    const pid = Number(await firstBytes(transport.input));
    const aborted = transport.abort();
    const isZombie = () => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    // Longer than the program has from SIGTERM to SIGKILL.
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

  it('does not wait for output that nobody reads', async () => {
    const transport = openTransport(script('head -c 1000000 /dev/zero; exit 3'), env);
    await once(transport.input, 'readable');
    transport.input.pause();
    await transport.abort();
    expect(await transport.ended).to.deep.include({ exitCode: null, signal: 'SIGTERM' });
  });

  it('closes and aborts twice without harm', async () => {
    const transport = openTransport(script('cat'), env);
    await Promise.all([transport.close(), transport.close()]);
    await transport.abort();
    await transport.close();
    expect(await transport.ended).to.deep.include({ exitCode: 0 });
  });
});

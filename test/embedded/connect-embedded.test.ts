import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { ConnectionLostError, RequestError } from '../../src/core/index.ts';
import { connectEmbedded } from '../../src/embedded/index.ts';
import { waitForNoSurvivorsIn } from '../e2e/support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

describe('connectEmbedded', () => {
  it('starts processes with the given environment and in the given directory', async () => {
    const client = await connectEmbedded({
      env: { PATH, A: '1', MY_TOKEN: 'planted' },
      cwd: '/usr/../bin/.',
    });
    const run = async (argv: readonly [string, ...string[]], environment = {}) =>
      (await (await client.start({ argv, env: environment })).collect()).stdout.toString();
    expect(await run(['/usr/bin/env'])).to.equal(`PATH=${PATH}\nA=1\nPWD=/bin\n`);
    expect(await run(['/usr/bin/env'], { exact: { B: '2' } })).to.equal('B=2\n');
    expect(await run(['pwd', '-P'])).to.equal(`${realpathSync('/bin')}\n`);
    expect(await run(['/usr/bin/env'], { policy: { inherit: 'none' }, overlay: { C: '3' } })).to.equal(
      'C=3\n',
    );
    await client.close();
  });

  it('ignores a variable that is not UTF-8, and logs its name', async () => {
    const lines: string[] = [];
    const env = { PATH, BROKEN: 'planted\ufffd' };
    const client = await connectEmbedded({ env, log: line => lines.push(line) });
    const { stdout } = await (await client.start({ argv: ['/usr/bin/env'] })).collect();
    expect(stdout.toString()).to.equal(`PATH=${PATH}\nPWD=${process.cwd()}\n`);
    expect(lines).to.deep.equal(['ignoring environment variable BROKEN: it is not valid UTF-8']);
    await client.close();
  });

  it('refuses a start in a directory that does not exist', async () => {
    const client = await connectEmbedded({ env: { PATH }, cwd: '/not/there' });
    const error = await client.start({ argv: ['true'] }).catch(error => error);
    expect(error).to.be.instanceOf(RequestError);
    expect(error.data).to.include({ kind: 'launchFailed', stage: 'cwd', path: '/not/there' });
    await client.close();
  });

  it('terminates its processes at close, with output read or not, and rejects later requests', async () => {
    const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
    const client = await connectEmbedded({ env: { PATH }, cwd });
    const flood = await client.start({ argv: ['yes'] });
    await client.start({ argv: ['sh', '-c', 'sleep 600 >/dev/null 2>&1 &'] });
    await Promise.all([client.close(), client.close()]);
    await waitForNoSurvivorsIn(cwd);
    expect(await client.closed).to.equal(undefined);
    expect((await flood.exit).reason).to.equal('terminated');
    expect(await client.start({ argv: ['true'] }).catch(error => error)).to.be.instanceOf(
      ConnectionLostError,
    );
    rmSync(cwd, { recursive: true });
  });

  it('blocks a process whose output is not read, with a bounded queue', async () => {
    const client = await connectEmbedded({ env: { PATH } });
    const flood = await client.start({ argv: ['yes'] });
    const window = 1024 * 1024;
    for (
      const deadline = performance.now() + 20_000;
      flood.unreadBytes < window - 64 * 1024;
      await client.status()
    ) {
      if (performance.now() > deadline) throw new Error(`only ${flood.unreadBytes} bytes came`);
    }
    // Requests are answered while the process is blocked.
    for (let count = 0; count < 50; count += 1) await client.status();
    expect(flood.unreadBytes).to.be.at.most(window);
    expect((await client.status()).queuedBytes).to.equal(0);
    await client.close();
  });

  it('opens several connections with separate processes', async () => {
    const clients = await Promise.all(
      ['one', 'two', 'three'].map(NAME => connectEmbedded({ env: { PATH, NAME } })),
    );
    const said = clients.map(async client => {
      const child = await client.start({ argv: ['sh', '-c', 'echo $NAME'] });
      return (await child.collect()).stdout.toString();
    });
    expect(await Promise.all(said)).to.deep.equal(['one\n', 'two\n', 'three\n']);
    await clients[0]?.close();
    expect(await clients[1]?.list()).to.deep.equal([]);
    await Promise.all(clients.map(client => client.close()));
  });

  describe('in a program', () => {
    let cwd: string;
    let program: ChildProcess & { stdin: Writable; stdout: Readable };

    beforeEach(() => {
      cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
    });

    afterEach(async () => {
      program.kill('SIGKILL');
      await waitForNoSurvivorsIn(cwd);
      rmSync(cwd, { recursive: true });
    });

    const start = (does: string) => {
      const fixture = fileURLToPath(new URL('fixtures/embeds-server.ts', import.meta.url));
      // The program is in another directory, from which no package is found.
      const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
      program = spawn(process.execPath, ['--import', tsx, fixture, does], {
        cwd,
        stdio: ['pipe', 'pipe', 'inherit'],
      }) as typeof program;
    };

    /** Lines that the program prints, up to a count or its end. */
    const lines = async (count = Number.POSITIVE_INFINITY): Promise<unknown[]> => {
      let text = '';
      for await (const chunk of program.stdout.setEncoding('utf8')) {
        text += chunk;
        if (text.split('\n').length > count) break;
      }
      return text
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line));
    };

    for (const does of ['closes', 'does nothing more']) {
      it(`handles no signals, writes nothing and does not keep alive a program that ${does}`, async () => {
        start(does);
        const exit = once(program, 'exit');
        const [heard, counts, ...more] = await lines();
        const { before, after } = counts as { before: number[]; after: number[] };
        expect([heard, more]).to.deep.equal([{ heard: 'hello\n' }, []]);
        expect(after).to.deep.equal(before);
        expect(await exit).to.deep.equal([0, null]);
      });
    }

    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      it(`leaves no process if the program is killed by ${signal}`, async () => {
        start('runs-on');
        expect(await lines(2)).to.deep.equal([{ heard: 'hello\n' }, { running: true }]);
        const exit = once(program, 'exit');
        program.kill(signal);
        expect(await exit).to.deep.equal([null, signal]);
        await waitForNoSurvivorsIn(cwd);
      });
    }
  });
});

import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ConnectionKind, connectionKinds, type ScenarioConnection } from './support/connections.ts';
import { fixturePath } from './support/program.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

const scenarios = ({ name, open }: ConnectionKind) => {
  describe(`a spawned server and ${name}`, () => {
    let connection: ScenarioConnection;
    let cwd: string;

    beforeEach(async () => {
      cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
      connection = await open({
        PATH,
        HOME: '/home/of/the/server',
        LANG: 'C.UTF-8',
        FAKE_API_KEY: 'planted',
      });
    });

    afterEach(async () => {
      await connection.close();
      await waitForNoSurvivorsIn(cwd);
      rmSync(cwd, { recursive: true });
    });

    const sh = async (script: string) =>
      (await connection.start({ argv: ['sh', '-c', script], cwd, env: { PATH } })).finished();

    it('keeps stdout, stderr and the exit code apart', async () => {
      const end = await sh('echo out; echo err >&2; exit 3');
      expect(end).to.deep.equal({
        stdout: Buffer.from('out\n'),
        stderr: Buffer.from('err\n'),
        exitCode: 3,
        signal: undefined,
        reason: 'exited',
      });
    });

    it('transmits every byte value in both directions', async () => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
      const cat = await connection.start({ argv: ['cat'], cwd, env: { PATH }, stdin: true });
      expect(await cat.write(bytes)).to.equal(true);
      await cat.closeStdin();
      expect((await cat.finished()).stdout).to.deep.equal(bytes);
    });

    it('transmits 24 MiB through a child unchanged', async () => {
      const bytes = randomBytes(24 * 1024 * 1024);
      const cat = await connection.start({ argv: ['cat'], cwd, env: { PATH }, stdin: true });
      for (let at = 0; at < bytes.length; at += 1024 * 1024)
        await cat.write(bytes.subarray(at, at + 1024 * 1024));
      await cat.closeStdin();
      expect(sha256((await cat.finished()).stdout)).to.equal(sha256(bytes));
    });

    it('writes to stdin in the order of the calls', async () => {
      const cat = await connection.start({ argv: ['cat'], cwd, env: { PATH }, stdin: true });
      const numbers = Array.from({ length: 500 }, (_, number) => `${number}\n`);
      await Promise.all(numbers.map(number => cat.write(number)));
      await cat.closeStdin();
      expect((await cat.finished()).stdout.toString()).to.equal(numbers.join(''));
    });

    it('gives a child without stdin an empty one', async () => {
      const cat = await connection.start({ argv: ['cat'], cwd, env: { PATH } });
      expect(await cat.write('not read')).to.equal(false);
      expect((await cat.finished()).exitCode).to.equal(0);
    });

    it('reports a write to a child that has closed its stdin', async () => {
      const child = await connection.start({
        argv: ['sh', '-c', 'exec <&-; echo closed; sleep 60'],
        cwd,
        env: { PATH },
        stdin: true,
      });
      await child.firstOutput();
      while (await child.write('x'.repeat(65536))) {
        // The first writes may still fit into the pipe.
      }
      await child.terminate();
      expect((await child.finished()).reason).to.equal('terminated');
    });

    it('gives a child exactly the variables of env without a policy', async () => {
      const variables = { PATH, EMPTY: '', WITH_LINES: 'a\nb', UMLAUT: 'ä', __proto: 'x', MY_TOKEN: 'kept' };
      const child = await connection.start({ argv: ['/usr/bin/env', '-0'], cwd, env: variables });
      expect(environment((await child.finished()).stdout)).to.deep.equal(variables);
    });

    it("applies the policy to the server's environment, then env", async () => {
      const child = await connection.start({
        argv: ['/usr/bin/env', '-0'],
        cwd,
        envPolicy: { exclude: ['LANG'], set: { FROM_POLICY: '1' } },
        env: { FROM_CORE: '2', MY_TOKEN: 'explicit', HOME: null },
      });
      expect(environment((await child.finished()).stdout)).to.deep.equal({
        PATH,
        PWD: cwd,
        FROM_POLICY: '1',
        FROM_CORE: '2',
        MY_TOKEN: 'explicit',
      });
    });

    it('searches the PATH of the child for a program', async () => {
      const child = connection.start({ argv: ['cat'], cwd, env: { PATH: '/nowhere' } });
      expect(await thrown(child)).to.deep.equal({ kind: 'launchFailed', stage: 'resolve' });
    });

    it('runs a program by a path relative to the directory of the child', async () => {
      const child = await connection.start({ argv: ['./env', '-0'], cwd: '/usr/bin', env: { A: '1' } });
      expect(environment((await child.finished()).stdout)).to.deep.equal({ A: '1' });
    });

    it('distinguishes a missing directory from a missing program', async () => {
      const start = (argv: [string], where: string) =>
        thrown(connection.start({ argv, cwd: where, env: { PATH } }));
      expect(await start(['cat'], join(cwd, 'missing'))).to.deep.equal({
        kind: 'launchFailed',
        stage: 'cwd',
      });
      expect(await start(['missing-program'], cwd)).to.deep.equal({ kind: 'launchFailed', stage: 'resolve' });
      expect(await start(['/etc/passwd'], cwd)).to.deep.equal({ kind: 'launchFailed', stage: 'permission' });
    });

    it('reports the end by a signal as 128 + its number', async () => {
      const { exitCode, signal, reason } = await sh('kill -KILL $$');
      expect({ exitCode, signal, reason }).to.deep.equal({
        exitCode: 137,
        signal: 'SIGKILL',
        reason: 'signaled',
      });
    });

    it('delivers a signal and the output and exit code of its handler', async () => {
      const child = await connection.start({
        argv: ['sh', fixturePath('traps-sigint.sh')],
        cwd,
        env: { PATH },
      });
      await child.firstOutput();
      await child.signal('interrupt');
      const { stdout, exitCode, reason } = await child.finished();
      expect({ stdout: stdout.toString(), exitCode, reason }).to.deep.equal({
        stdout: 'ready\ngot\n',
        exitCode: 7,
        reason: 'exited',
      });
    });

    it('ends a process that ignores SIGTERM, and its descendants', async () => {
      const child = await connection.start({
        argv: ['sh', fixturePath('ignores-sigterm.sh')],
        cwd,
        env: { PATH },
      });
      await child.firstOutput();
      expect(await child.terminate()).to.equal(true);
      const { exitCode, signal, reason } = await child.finished();
      expect({ exitCode, signal, reason }).to.deep.equal({
        exitCode: 137,
        signal: 'SIGKILL',
        reason: 'terminated',
      });
      await waitForNoSurvivorsIn(cwd);
    });

    it('reports that an exited process is not running when it is terminated', async () => {
      const child = await connection.start({ argv: ['true'], cwd, env: { PATH } });
      await child.finished();
      expect(await child.terminate()).to.equal(false);
    });

    it('reports the exit while a grandchild has the output open', async () => {
      const child = await connection.start({
        argv: ['sh', '-c', 'sleep 60 & echo hi; exit 4'],
        cwd,
        env: { PATH },
      });
      await child.exited();
      await child.terminate();
      const { stdout, exitCode, reason } = await child.finished();
      expect({ stdout: stdout.toString(), exitCode, reason }).to.deep.equal({
        stdout: 'hi\n',
        exitCode: 4,
        reason: 'exited',
      });
    });

    it('runs 60 processes concurrently', async () => {
      const ends = await Promise.all(
        Array.from({ length: 60 }, (_, number) => sh(`echo ${number}; exit ${number}`)),
      );
      expect(ends.map(({ stdout, exitCode }) => `${stdout}${exitCode}`)).to.deep.equal(
        ends.map((_, number) => `${number}\n${number}`),
      );
    });

    it('leaves no process when the connection is closed', async () => {
      const child = await connection.start({
        argv: ['sh', fixturePath('ignores-sigterm.sh')],
        cwd,
        env: { PATH },
      });
      await child.firstOutput();
      await connection.start({
        argv: ['sh', '-c', 'sleep 1000 >/dev/null 2>&1 </dev/null &'],
        cwd,
        env: { PATH },
      });
      await connection.close();
      await waitForNoSurvivorsIn(cwd);
    });
  });
};

const environment = (text: Buffer): Record<string, string> =>
  Object.fromEntries(
    text
      .toString()
      .split('\0')
      .filter(variable => variable !== '')
      .map(variable => [variable.slice(0, variable.indexOf('=')), variable.slice(variable.indexOf('=') + 1)]),
  );

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const thrown = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('the start succeeded'),
    error => error,
  );

for (const kind of connectionKinds) scenarios(kind);

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startCli } from './support/cli.ts';
import { programPath } from './support/program.ts';
import { type RemoteHost, startRemoteHost } from './support/remote-host.ts';
import { describeWithSshd } from './support/sshd.ts';

/** Command lines of all processes of this machine, which every account can read. */
const commandLines = (): string[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return ''; // ended since the directory was read
      }
    });

/** Prints the variables of its env and waits. */
const PRINT_AND_WAIT = ['--', 'sh', '-c', 'printf "%s %s\\n" "$OF_CALLER" "$OF_FILE"; exec sleep 1000'];

const suite = (connection: () => { args: readonly string[]; env: NodeJS.ProcessEnv }) => {
  for (const tty of [[], ['-t']]) {
    it(`is in no command line while the command runs ${tty.length > 0 ? 'on a terminal' : 'on pipes'}`, async function () {
      if (process.platform !== 'linux') this.skip();
      const folder = mkdtempSync(join(tmpdir(), 'exec-server-'));
      const [ofCaller, ofFile] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
      const file = join(folder, 'variables');
      writeFileSync(file, `OF_FILE=${ofFile}\n`, { mode: 0o600 });
      const { args, env } = connection();
      const variables = ['--env', 'OF_CALLER', '--env-file', file];
      const { child, firstOutput, finished } = startCli(
        ['run', ...args, ...tty, ...variables, ...PRINT_AND_WAIT],
        { env: { ...env, OF_CALLER: ofCaller } },
      );
      try {
        const printed = await Promise.race([firstOutput, finished.then(({ stderr }) => stderr)]);
        expect(String(printed).trim()).to.equal(`${ofCaller} ${ofFile}`);
        const lines = commandLines();
        expect(lines.filter(line => line.includes('OF_CALLER'))).to.have.lengthOf.at.least(1);
        expect(lines.filter(line => line.includes(ofCaller) || line.includes(ofFile))).to.deep.equal([]);
      } finally {
        child.kill('SIGTERM');
        await finished;
        rmSync(folder, { recursive: true });
      }
    });
  }
};

describe('a value from --env NAME or --env-file', () => {
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/home/me' };

  describe('with a local server', () => suite(() => ({ args: [], env })));

  describe('with --via', () =>
    suite(() => ({ args: ['--via', `exec '${process.execPath}' '${programPath}' --stdio`], env })));

  describeWithSshd('with --ssh', () => {
    let host: RemoteHost;

    before(async () => {
      host = await startRemoteHost();
    });

    after(() => host.stop());

    suite(() => ({ args: ['--ssh', 'devbox'], env: host.coreEnv }));
  });
});

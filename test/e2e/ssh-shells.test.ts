import { expect } from 'chai';
import {
  ConnectionLostError,
  connect,
  type StartUpOutput,
  sshServer,
  type Target,
} from '../../src/core/index.ts';
import { describeWithShell, shellNames } from '../server/environment/login/support/shells.ts';
import { runCli } from './support/cli.ts';
import { type ShellHost, startShellHost } from './support/shell-host.ts';
import { describeWithSshd } from './support/sshd.ts';

/** File that a shell reads when sshd runs it with a command; dash reads none. */
const START_UP_FILES: Readonly<Record<string, string>> = {
  bash: '.bashrc',
  zsh: '.zshenv',
  fish: '.config/fish/config.fish',
  tcsh: '.tcshrc',
};

/** A server that is installed on the host already. */
const INSTALLED = sshServer('devbox', 'exec-server --stdio');

/** Start-up output of a line, and its report. */
const CASES: ReadonlyArray<{ line: string; startUpOutput: StartUpOutput }> = [
  { line: 'echo Beer', startUpOutput: { bytes: 5, excerpt: 'Beer\\n' } },
  { line: "/usr/bin/printf 'Beer'", startUpOutput: { bytes: 4, excerpt: 'Beer' } },
  {
    line: "/usr/bin/printf 'Content-Length: 5\\r\\n\\r\\n{'",
    startUpOutput: { bytes: 22, excerpt: 'Content-Length: 5\\r\\n\\r\\n{' },
  },
  {
    line: "/usr/bin/printf 'Content-Length: 900\\r\\n'",
    startUpOutput: { bytes: 21, excerpt: 'Content-Length: 900\\r\\n' },
  },
  {
    line: "/usr/bin/printf '\\033[31mred\\033[0m \\377\\n'",
    startUpOutput: { bytes: 15, excerpt: '\\u001b[31mred\\u001b[0m \ufffd\\n' },
  },
  {
    line: '/usr/bin/head -c 500000 /dev/zero | /usr/bin/tr "\\000" "."',
    startUpOutput: { bytes: 500_000, excerpt: `${'.'.repeat(200)}…${'.'.repeat(100)}` },
  },
];

describeWithSshd('a connection through sshd to an account with the shell', () => {
  let host: ShellHost;

  before(async () => {
    host = await startShellHost();
  });

  after(() => host.stop());

  /** Start-up output of a connection, and SHELL and HOME of a process. */
  const visit = async (env: NodeJS.ProcessEnv, target: Target = sshServer('devbox')) => {
    const client = await connect(target, { localEnv: env });
    try {
      const child = await client.start({ argv: ['printenv', 'SHELL', 'HOME'] });
      return { startUpOutput: client.startUpOutput, printed: String((await child.collect()).stdout) };
    } finally {
      await client.close();
    }
  };

  const failure = async (env: NodeJS.ProcessEnv, target: Target = sshServer('devbox')) => {
    const error = await visit(env, target).catch(error => error);
    expect(error).to.be.instanceOf(ConnectionLostError);
    return error as ConnectionLostError;
  };

  for (const shell of shellNames) {
    describeWithShell(shell, shell, ({ path }) => {
      const file = START_UP_FILES[shell];
      const account = (text = '') => host.account(path, file === undefined ? {} : { [file]: text });

      it('reaches a server without start-up output', async () => {
        const env = account();
        expect(await visit(env)).to.deep.equal({
          startUpOutput: undefined,
          printed: `${path}\n${env.EXEC_TEST_HOME}\n`,
        });
      });

      it('quotes the path of a server for the shell', async () => {
        const env = account();
        expect(await visit(env, sshServer('devbox', [host.oddProgram, '--stdio']))).to.deep.equal({
          startUpOutput: undefined,
          printed: `${path}\n${env.EXEC_TEST_HOME}\n`,
        });
        const args = ['run', '--ssh', 'devbox', '--remote-program', host.oddProgram, '--', 'echo', 'there'];
        const { stdout, stderr, end } = await runCli(args, { env });
        expect({ stdout: stdout.toString(), stderr, end }).to.deep.equal({
          stdout: 'there\n',
          stderr: '',
          end: 0,
        });
      });

      it('reports a missing server with the likely cause', async () => {
        const { message, likelyCause } = await failure(
          account(),
          sshServer('devbox', 'missing-server --stdio'),
        );
        expect(message).to.match(
          /^could not connect to devbox: ssh exited with code (127|1)\n.*missing-server/,
        );
        expect(likelyCause?.kind).to.equal('serverMissing');
      });

      if (file === undefined) return;

      it(`ignores and reports the output of ${file}`, async () => {
        const seen = await Promise.all(CASES.map(({ line }) => visit(account(`${line}\n`))));
        expect(seen.map(({ startUpOutput }) => startUpOutput)).to.deep.equal(
          CASES.map(({ startUpOutput }) => startUpOutput),
        );
        for (const { printed } of seen) expect(printed.split('\n')[0]).to.equal(path);
      });

      it(`shows the output of ${file} if it exits before the server starts`, async () => {
        const { message, startUpOutput } = await failure(account('echo Beer\nexec /bin/sh -c "exit 3"\n'));
        expect(startUpOutput).to.deep.equal({ bytes: 5, excerpt: 'Beer\\n' });
        expect(message).to.match(
          /^could not connect to devbox: ssh exited with code 3\nexpected a server, received 5 bytes: "Beer\\n"\n/,
        );
      });

      it(`names start-up files if ${file} exits without output`, async () => {
        for (const code of [0, 3]) {
          // In these shells, `exit` ends only the file.
          const exit =
            shell === 'fish' || shell === 'tcsh' ? `exec /bin/sh -c "exit ${code}"` : `exit ${code}`;
          const { message, likelyCause } = await failure(account(`${exit}\n`));
          expect(likelyCause?.kind).to.equal('silent');
          expect(message).to.contain(
            `ssh exited with code ${code}\nthe command exited without output: a start-up file`,
          );
          expect(message).to.not.contain('docker');
        }
      });

      it(`reports that ${file} runs another shell, which reads frames as commands`, async () => {
        const { message, likelyCause } = await failure(account(`echo Beer\nexec /bin/sh\n`), INSTALLED);
        expect(message).to.match(
          /^could not connect to devbox: the remote shell executed the protocol header as a command: ssh exited/,
        );
        expect(message).to.contain('expected a server, received 5 bytes: "Beer\\n"');
        expect(likelyCause?.kind).to.equal('shellReplaced');
        expect(likelyCause?.advice).to.contain('[ -t 0 ] && exec');
      });

      it(`installs a server if ${file} runs another shell, which reads the script`, async () => {
        const { startUpOutput } = await visit(account('echo Beer\nexec /bin/sh\n'));
        expect(startUpOutput).to.deep.equal({ bytes: 5, excerpt: 'Beer\\n' });
      });

      it(`works if ${file} runs another shell with the command`, async () => {
        const replaced = `echo Beer\nexec /bin/sh -c 'exec exec-server --stdio'\n`;
        expect((await visit(account(replaced), INSTALLED)).startUpOutput).to.deep.equal({
          bytes: 5,
          excerpt: 'Beer\\n',
        });
      });
    });
  }

  describeWithShell('bash', 'bash and its start-up output', ({ path }) => {
    const env = () => host.account(path, { '.bashrc': 'echo Beer\n' });

    for (const command of ['run', 'env']) {
      const rest = command === 'run' ? ['--', 'true'] : [];

      it(`is reported by ${command} once on stderr`, async () => {
        const { stderr, end } = await runCli([command, '--ssh', 'devbox', ...rest], { env: env() });
        expect({ stderr, end }).to.deep.equal({
          stderr: 'exec-server: ignored 5 bytes of start-up output before the first frame: "Beer\\n"\n',
          end: 0,
        });
      });

      it(`is not reported by ${command} --quiet`, async () => {
        const { stderr, end } = await runCli([command, '--quiet', '--ssh', 'devbox', ...rest], {
          env: env(),
        });
        expect({ stderr, end }).to.deep.equal({ stderr: '', end: 0 });
      });
    }
  });
});

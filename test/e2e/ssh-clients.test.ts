import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import {
  type Askpass,
  ConnectionLostError,
  connect,
  sshCommandServer,
  sshServer,
} from '../../src/core/index.ts';
import { runCli } from './support/cli.ts';
import { describeWithSshd, type Sshd, startSshd } from './support/sshd.ts';

describeWithSshd('ssh as people have it', () => {
  let sshd: Sshd;
  let env: NodeJS.ProcessEnv;
  let scratch: string;

  before(async () => {
    sshd = await startSshd({
      remotePath: [join(process.execPath, '..'), '/usr/bin', '/bin'].join(delimiter),
    });
    env = { ...process.env, PATH: [sshd.clientBin, process.env.PATH].join(delimiter) };
    scratch = mkdtempSync(join(tmpdir(), 'exec-server-ssh-'));
  });

  after(async () => {
    await sshd.stop();
    rmSync(scratch, { recursive: true });
  });

  /** HOME on the host, reached by ssh with these options. */
  const homeBy = async (options: readonly string[], askpass?: Askpass): Promise<string> => {
    const target = sshCommandServer(['ssh', ...options], 'devbox');
    await using client = await connect(target, { localEnv: env, askpass });
    return (await client.exec('printenv', ['HOME'])).stdout;
  };

  describe('asks for', () => {
    /** Answers each question with the same text, and records the questions. */
    const answering = (answer: string | undefined) => {
      const prompts: string[] = [];
      const askpass: Askpass = prompt => {
        prompts.push(prompt);
        return answer;
      };
      return { prompts, askpass };
    };
    const ASK = ['-o', 'BatchMode=no'];

    it('the passphrase of a key', async () => {
      const key = join(scratch, 'key with "quotes"');
      copyFileSync(join(sshd.directory, 'client_key'), key);
      chmodSync(key, 0o600);
      execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', "it's \\ secret", '-f', key]);
      const only = ['-F', 'none', '-o', 'IdentitiesOnly=yes', '-i', key, '-p', String(sshd.port)];
      const known = ['-o', 'HostName=127.0.0.1', '-o', 'HostKeyAlias=devbox'];
      const options = [...only, ...known, '-o', `UserKnownHostsFile=${join(sshd.directory, 'known_hosts')}`];
      const { prompts, askpass } = answering("it's \\ secret");
      const [ssh = ''] = sshd.sshCommand;
      await using client = await connect(sshCommandServer([ssh, ...options], 'devbox'), {
        localEnv: env,
        askpass,
      });
      expect((await client.exec('printenv', ['HOME'])).stdout).to.equal(sshd.home);
      expect(prompts).to.deep.equal([`Enter passphrase for key '${key}': `]);
    });

    it('the confirmation of an unknown host key', async () => {
      const options = [
        ...ASK,
        '-o',
        'StrictHostKeyChecking=ask',
        '-o',
        `UserKnownHostsFile=${join(scratch, 'none')}`,
      ];
      const { prompts, askpass } = answering('yes');
      expect(await homeBy(options, askpass)).to.equal(sshd.home);
      expect(prompts).to.have.lengthOf(1);
      expect(prompts[0]).to.match(/^The authenticity of host 'devbox .* can't be established.*\(yes\/no/s);
    });

    it('and fails if the caller refuses to answer', async () => {
      const options = [...ASK, '-o', 'StrictHostKeyChecking=ask', '-o', 'UserKnownHostsFile=/dev/null'];
      const error = await homeBy(options, answering(undefined).askpass).catch(error => error);
      expect(error).to.be.instanceOf(ConnectionLostError);
      expect(error.message).to.contain('Host key verification failed');
    });
  });

  it('goes through a jump host', async () => {
    expect(await homeBy(['-J', `devbox:${sshd.port}`])).to.equal(sshd.home);
  });

  it('shares a connection by ControlMaster, and leaves the master alone', async () => {
    const options = [
      '-o',
      'ControlMaster=auto',
      '-o',
      `ControlPath=${join(scratch, 'c')}`,
      '-o',
      'ControlPersist=60',
    ];
    expect(await homeBy(options)).to.equal(sshd.home);
    expect(await homeBy(options)).to.equal(sshd.home);
    const control = (command: string) =>
      spawnSync('ssh', [...options, '-O', command, 'devbox'], { env, encoding: 'utf8' });
    expect(control('check').stderr).to.match(/^Master running/);
    expect(control('exit').status).to.equal(0);
  });

  it('is replaced by --ssh-command', async () => {
    const wrapper = join(scratch, 'wrapper');
    writeFileSync(wrapper, '#!/bin/sh\n[ "$1" = login ] && shift && exec ssh "$@"\n');
    chmodSync(wrapper, 0o755);
    const { stdout, stderr, end } = await runCli(
      ['run', '--ssh-command', `${wrapper} login`, '--ssh', 'devbox', '--', 'printenv', 'HOME'],
      { env },
    );
    expect({ stdout: stdout.toString(), stderr, end }).to.deep.equal({
      stdout: `${sshd.home}\n`,
      stderr: '',
      end: 0,
    });
  });

  describe('reaches a host with', () => {
    for (const [shell, text] of [
      [
        'cmd',
        "'exec' is not recognized as an internal or external command,\\noperable program or batch file.",
      ],
      [
        'PowerShell',
        "exec : The term 'exec' is not recognized as the name of a cmdlet, function, script file,",
      ],
    ] as const) {
      it(`${shell}: refuses, since servers are installed by a POSIX shell`, async () => {
        const forced = join(scratch, shell);
        writeFileSync(forced, `#!/bin/sh\nprintf "${text}\\n" >&2\nexit 1\n`);
        chmodSync(forced, 0o755);
        const windows = await startSshd({ remotePath: '/usr/bin:/bin', forceCommand: forced });
        const localEnv = { ...process.env, PATH: [windows.clientBin, process.env.PATH].join(delimiter) };
        try {
          const error = await connect(sshServer('devbox'), { localEnv }).catch(error => error);
          expect(error).to.be.instanceOf(ConnectionLostError);
          expect(error.likelyCause?.kind).to.equal('windowsShell');
          expect(error.message).to.match(/Windows.*--remote-command/s);
        } finally {
          await windows.stop();
        }
      });
    }
  });
});

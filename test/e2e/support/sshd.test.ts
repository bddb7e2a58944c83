import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { freePort } from './free-port.ts';
import { describeWithSshd, type Sshd, type SshdOptions, sshdUnavailable, startSshd } from './sshd.ts';

describeWithSshd('startSshd', () => {
  const remotePath = '/opt/a b/"bin":/usr/bin:/bin';
  const started: Sshd[] = [];
  let sshd: Sshd;

  before(async () => {
    sshd = await start({ remotePath, remoteEnv: { GREETING: "it's $HOME %h" } });
  });
  after(() => Promise.all(started.map(one => one.stop())));

  const start = async (options: SshdOptions): Promise<Sshd> => {
    const one = await startSshd(options);
    started.push(one);
    return one;
  };

  it('gives sessions exactly the requested PATH', async () => {
    expect(await ssh(sshd, ['devbox', 'printf %s "$PATH"'])).to.deep.equal(printed(remotePath));
  });

  it('gives sessions the other variables and their own home directory', async () => {
    expect(await ssh(sshd, ['devbox', 'printf %s "$GREETING|$HOME"'])).to.deep.equal(
      printed(`it's $HOME %h|${sshd.home}`),
    );
  });

  it('runs a command with sshCommand, without a change of PATH', async () => {
    const [program = '', ...args] = sshd.sshCommand;
    expect(await run(program, [...args, sshd.host, 'echo here'])).to.deep.equal(printed('here\n'));
  });

  it('transmits every byte value to the command and back', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    expect(await ssh(sshd, ['devbox', 'cat'], bytes)).to.deep.equal({ code: 0, stdout: bytes, stderr: '' });
  });

  it('returns the exit code of the command', async () => {
    expect((await ssh(sshd, ['devbox', 'exit 7'])).code).to.equal(7);
  });

  it('refuses connections to wronghost', async () => {
    const { code, stderr } = await ssh(sshd, ['wronghost', 'true']);
    expect(code).to.equal(255);
    expect(stderr).to.match(/^ssh: connect to host 127\.0\.0\.1 port 1: Connection refused/);
  });

  it('runs next to another server', async () => {
    const other = await start({ remotePath: '/usr/bin:/bin:/other' });
    const paths = await Promise.all(
      [sshd, other].map(async one => (await ssh(one, ['devbox', 'printf %s "$PATH"'])).stdout.toString()),
    );
    expect(paths).to.deep.equal([remotePath, '/usr/bin:/bin:/other']);
    await other.stop();
    expect((await ssh(sshd, ['devbox', 'true'])).code).to.equal(0);
  });

  it('chooses another port when the first is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const ports = [(taken.address() as AddressInfo).port];
    const other = await start({ remotePath, choosePort: async () => ports.shift() ?? freePort() });
    taken.close();
    expect((await ssh(other, ['devbox', 'true'])).code).to.equal(0);
  });

  it('rejects with the log of sshd when sshd does not start to listen', async () => {
    const error = await startSshd({ remotePath: '/bin\nNoSuchDirective yes' }).then(
      one => one.stop(),
      (reason: Error) => reason.message,
    );
    expect(error).to.match(/instead of listening on 127\.0\.0\.1:\d+; its log:\n.*sshd_config/s);
  });

  it('closes connections with dropConnections, without ending their commands, and accepts new ones', async () => {
    const session = openSession(sshd, 'echo $$; exec sleep 600');
    const [pid] = await once(session.stdout.setEncoding('utf8'), 'data');
    const [exit] = await Promise.all([once(session, 'exit'), sshd.dropConnections()]);
    expect(exit).to.deep.equal([255, null]);
    expect(process.kill(Number(pid), 'SIGKILL')).to.equal(true);
    expect((await ssh(sshd, ['devbox', 'true'])).code).to.equal(0);
  });

  it('ends the sessions, closes the port and removes the files with stop, also when called again', async () => {
    const other = await start({ remotePath });
    // Only the command has the other end of the fifo open, so the fifo ends when the command exits, reaped or not.
    const fifo = join(other.home, 'alive');
    await promisify(execFile)('mkfifo', [fifo]);
    const session = openSession(other, 'exec >"$HOME/alive"; echo started; exec sleep 600');
    const alive = createReadStream(fifo);
    await once(alive, 'data');
    await Promise.all([other.stop(), other.stop(), once(alive, 'end'), once(session, 'exit')]);
    await other.stop();
    expect(await connectionError(other.port)).to.equal('ECONNREFUSED');
    expect(existsSync(other.directory)).to.equal(false);
  });
});

describe('sshdUnavailable', () => {
  it('names the missing programs and their packages', function () {
    if (process.platform === 'win32') this.skip();
    expect(sshdUnavailable([])).to.equal(
      'no program sshd (Debian package openssh-server), no program ssh (Debian package openssh-client), ' +
        'no program ssh-keygen (Debian package openssh-client)',
    );
  });
});

const printed = (stdout: string) => ({ code: 0, stdout: Buffer.from(stdout), stderr: '' });

const openSession = (sshd: Sshd, command: string) =>
  spawn('ssh', ['devbox', command], { env: withClientBin(sshd), stdio: ['pipe', 'pipe', 'ignore'] });

const ssh = (sshd: Sshd, args: readonly string[], input?: Buffer) =>
  run('ssh', args, { env: withClientBin(sshd), input });

const withClientBin = (sshd: Sshd): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${sshd.clientBin}${delimiter}${process.env.PATH}`,
});

const run = async (
  program: string,
  args: readonly string[],
  {
    env = process.env,
    input = Buffer.alloc(0),
  }: { env?: NodeJS.ProcessEnv; input?: Buffer | undefined } = {},
) => {
  const child = spawn(program, args, { env });
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code: code as number | null, stdout, stderr };
};

const connectionError = async (port: number): Promise<string | undefined> => {
  const socket = connect(port, '127.0.0.1');
  const [error] = await once(socket, 'error');
  return error.code;
};

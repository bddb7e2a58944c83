import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { UnifiedExec } from '../../src/core/index.ts';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { type AgentServer, pipedServer } from './support/agents.ts';

/** The documented maximum of a command line. */
const MAX_COMMAND_BYTES = 1024 * 1024;

/** A text of lines of ASCII and other characters, so that parts end within characters. */
const lines = (bytes: number): string => {
  const line = `${'ä€😀'.repeat(7)}${'x'.repeat(36)}\n`;
  return line.repeat(Math.floor(bytes / Buffer.byteLength(line)));
};

/** A script that writes a file from its own text, reads stdin and ends with an error. */
const POSIX = (text: string) => `echo "$0 has $# parameters"
cat >written <<'END'
${text}END
read -r line; echo "read: $line"
set -e
false
echo not reached`;

const FISH = (text: string) => `echo (count $argv) parameters
printf '%s' '${text}' >written
read line; echo "read: $line"
exit 1`;

const CSH = (text: string) => `echo $#argv parameters
${text.replace(/^(.*)\n/gm, "echo '$1' >>written\n")}set line = "$<"
echo "read: $line"
exit 1`;

(process.platform === 'win32' ? describe.skip : describe)('a command line of up to 1 MiB', () => {
  let server: AgentServer;
  let directory: string;
  let agent: UnifiedExec;

  before(async () => {
    await pipedServer.prepare();
    server = await pipedServer.open();
  });
  after(async () => {
    await server.close();
    await pipedServer.dispose();
  });
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'long-commands-test-')));
    agent = new UnifiedExec(server.client);
  });
  afterEach(async () => {
    await agent.close();
    rmSync(directory, { recursive: true });
  });

  /** Runs a script with one line of input; returns what a user sees of it. */
  const run = async (shell: string, command: string, login: boolean, tty: boolean) => {
    const started = await agent.execCommand({
      command,
      shell,
      login,
      cwd: directory,
      tty,
      stdin: true,
      yieldTimeMs: 250,
    });
    let { output, exitCode, sessionId } = started;
    let chars: string | undefined = 'typed\n';
    while (sessionId !== undefined) {
      const more = await agent.writeStdin({ sessionId, chars });
      chars = undefined;
      output += more.output;
      ({ exitCode, sessionId } = more);
    }
    const written = readFileSync(join(directory, 'written'), 'utf8');
    rmSync(join(directory, 'written'));
    return { output, exitCode, written };
  };

  const shells: Array<[path: string, script: (text: string) => string, login: boolean]> = [
    ['/bin/sh', POSIX, false],
    ['/bin/dash', POSIX, true],
    ['/bin/bash', POSIX, true],
    ['/usr/bin/zsh', POSIX, false],
    ['/bin/busybox', POSIX, false],
    ['/usr/bin/fish', FISH, false],
    ['/usr/bin/tcsh', CSH, false],
  ];
  for (const [path, script, login] of shells) {
    for (const tty of [false, true]) {
      it(`runs as a short one does: ${path}${login ? ' -l' : ''} ${tty ? 'on a terminal' : 'on pipes'}`, async function () {
        if (!existsSync(path)) skipUnavailable(this, `${path} is not installed`);
        if (tty && ptyUnavailable() !== undefined) skipUnavailable(this, 'no terminals');
        let shell = path;
        if (path === '/bin/busybox') {
          shell = join(directory, 'ash');
          symlinkSync(path, shell);
        }
        const text = lines(script === CSH ? MAX_COMMAND_BYTES / 2 : MAX_COMMAND_BYTES - 200);
        const short = await run(shell, script('short\n'), login, tty);
        const long = await run(shell, script(text), login, tty);
        expect(short).to.deep.include({ exitCode: 1, written: 'short\n' });
        expect(short.output).to.include('parameters').and.to.include('read: typed');
        expect({ ...long, written: long.written === text }).to.deep.equal({ ...short, written: true });
      });
    }
  }
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { commandServer, connect, type ExecClient } from '../../src/core/index.ts';
import { MAX_START_UP_OUTPUT_BYTES } from '../../src/protocol/limits.ts';
import { runCli } from './support/cli.ts';
import { programPath } from './support/program.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const SERVE = `exec '${process.execPath}' '${programPath}' --stdio`;

/** Output and exit code of `run` with this script for --via. */
const runVia = async (script: string, ...args: string[]) => {
  const { stdout, stderr, end } = await runCli(['run', '--via', script, ...args, '--', 'echo', 'there'], {
    env: { PATH, HOME: '/' },
  });
  return { stdout: stdout.toString(), stderr, end };
};

const connectVia = (script: string): Promise<ExecClient> =>
  connect(commandServer(['/bin/sh', '-c', script]), { localEnv: { PATH } });

describe('start-up output', () => {
  it('is reported once on stderr, and ignored', async () => {
    expect(await runVia(`echo Beer; printf '\\033[1mhi'; ${SERVE}`)).to.deep.equal({
      stdout: 'there\n',
      stderr:
        'exec-server: ignored 11 bytes of start-up output before the first frame: "Beer\\n\\u001b[1mhi"\n',
      end: 0,
    });
  });

  it('is not reported with --quiet', async () => {
    expect(await runVia(`echo Beer; ${SERVE}`, '--quiet')).to.deep.equal({
      stdout: 'there\n',
      stderr: '',
      end: 0,
    });
  });

  it('is not reported if there is none', async () => {
    expect(await runVia(SERVE)).to.deep.equal({ stdout: 'there\n', stderr: '', end: 0 });
  });

  it('can be any bytes', async () => {
    const outputs = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
        fc
          .constantFrom(
            'Content-Length: 5\r\n\r\n{',
            'Content-Length: 999\n',
            '{"id":0',
            'Content-Len',
            '\r\n\r\n',
          )
          .map(text => Buffer.from(text)),
      ),
      { maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(outputs, async parts => {
        const bytes = Buffer.concat(parts);
        const octal = Array.from(bytes, byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
        const client = await connectVia(`printf '${octal}'; ${SERVE}`);
        try {
          expect(client.startUpOutput?.bytes ?? 0).to.equal(bytes.length);
        } finally {
          await client.close();
        }
      }),
      { numRuns: 10 },
    );
  });

  it('has a maximum length', async () => {
    const fill = (bytes: number) => `head -c ${bytes} /dev/zero | tr '\\000' .; ${SERVE}`;
    const client = await connectVia(fill(MAX_START_UP_OUTPUT_BYTES));
    expect(client.startUpOutput).to.deep.equal({
      bytes: MAX_START_UP_OUTPUT_BYTES,
      excerpt: `${'.'.repeat(200)}…${'.'.repeat(100)}`,
    });
    await client.close();

    const { stderr, end } = await runVia(fill(MAX_START_UP_OUTPUT_BYTES + 1));
    expect(end).to.equal(255);
    expect(stderr.split('\n')[0]).to.match(/: no frame in the first 1048576 bytes: \/bin\/sh /);
  });
});

describe('output instead of a first frame', () => {
  /** Message of the failed connection, without its beginning, which contains the script. */
  const messageFor = async (script: string) => {
    const { stderr, end, stdout } = await runVia(script);
    expect({ stdout, end }).to.deep.equal({ stdout: '', end: 255 });
    const prefix = `exec-server: could not connect to ${script}: `;
    expect(stderr.slice(0, prefix.length)).to.equal(prefix);
    return stderr.slice(prefix.length);
  };

  it('is shown with the exit code and stderr of the command, and with the likely cause', async () => {
    expect(await messageFor('echo "1) mail"; echo "2) quit"; echo complaint >&2; exit 4')).to.equal(
      '/bin/sh exited with code 4\n' +
        '  complaint\n' +
        'expected a server, received 16 bytes: "1) mail\\n2) quit\\n"\n' +
        'the command printed something that is not exec-server output (a menu, a banner or a forced command)\n',
    );
  });

  it('is recognized as a password prompt', async () => {
    expect(await messageFor('printf "Password: "; exit 1')).to.equal(
      '/bin/sh exited with code 1\n' +
        'expected a server, received 10 bytes: "Password: "\n' +
        'a program asks for a password and cannot get one; use a key, or a command without a password\n',
    );
  });

  it('is shown if the server is missing', async () => {
    expect(await messageFor('echo Beer; exec no-such-server --stdio')).to.match(
      /^\/bin\/sh exited with code 127\n {2}.*no-such-server: not found\nexpected a server, received 5 bytes: "Beer\\n"\nno-such-server was not found in the PATH; install it there, or/,
    );
  });

  it('is not confused with a program that is missing on this machine', async () => {
    expect(await messageFor('no-such-program --x')).to.match(
      /^\/bin\/sh exited with code 127\n {2}.*not found\nno-such-program was not found on this machine; /,
    );
  });

  it('is recognized as an echo of the request', async () => {
    expect(await messageFor('cat')).to.match(
      /^the other side echoes the request: .*\nexpected a server, received \d+ bytes: "Content-Length: .*\nthe request was echoed; a terminal or a program such as cat/,
    );
  });

  it('is recognized as frames rewritten by a terminal', async () => {
    const answer = '{"jsonrpc":"2.0","id":0,"result":{}}';
    const message = await messageFor(`printf 'Content-Length: ${answer.length}\\r\\r\\n\\r\\r\\n${answer}'`);
    expect(message).to.contain('\na terminal (pty) is rewriting the byte stream');
  });

  it('is recognized as a shell that reads frames as commands', async () => {
    const message = await messageFor('echo Beer; exec sh');
    expect(message).to.match(
      /^the remote shell executed the protocol header as a command: \/bin\/sh exited with code /,
    );
    expect(message).to.contain('\na shell reads stdin in place of the server');
  });

  it('is escaped', async () => {
    const message = await messageFor(`printf '\\033]0;title\\007'; printf '\\033[2J\\n' >&2; exit 1`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters must be absent
    expect(message).not.to.match(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    expect(message).to.contain('"\\u001b]0;title\\u0007"').and.contain('  \\u001b[2J');
  });
});

describe('output between frames', () => {
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-'));
  });

  after(() => rmSync(directory, { recursive: true }));

  it('ends the connection and is shown', async () => {
    const fifo = join(directory, 'fifo');
    // A background job of a start-up file that prints later.
    const client = await connectVia(`mkfifo '${fifo}'; cat '${fifo}' & ${SERVE}`);
    writeFileSync(fifo, 'You have mail.\n');
    expect((await client.closed)?.message).to.match(
      /^the connection to .* was lost: the server sent something that is not a message: expected a header field, received "You have mail\."/,
    );
  });
});

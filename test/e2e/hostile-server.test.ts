import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { runCli, startCli } from './support/cli.ts';
import { fixturePath, programPath } from './support/program.ts';

const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/home/me' };

/** Characters that a terminal acts on or does not show: C0, DEL, C1, bidirectional marks, invisible characters. */
const HOSTILE = '\x1b]0;title\x07\x1b[2J\r\n\x00\x7f\x9b31m\u202e\u2066\u200b\ufeff\u{e0041}\ud800';

/** Characters that no output may contain, except a line feed at the end of a line. */
const HIDDEN = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const info = (text: string) => ({
  shell: { name: `sh${text}`, path: `/bin/sh${text}` },
  executorVersion: `0${text}`,
  cwd: `file:///srv${encodeURIComponent(text.replaceAll('\ud800', ''))}`,
  platformOs: `linux${text}`,
  temporaryDirectories: [text],
  prependPathDirs: [text],
  capabilities: { [text]: true },
});

const opened = (text = '') => ({
  id: '$id',
  result: {
    sessionId: `s${text}`,
    environmentInfo: info(text),
    limits: { [`a${text}Bytes`]: 5, [`b${text}`]: 6 },
    ttyUnavailable: `no${text}`,
    sandboxUnavailable: `no${text}`,
  },
});

const started = {
  id: '$id',
  result: {
    processId: '$processId',
    sandboxType: 'none',
    pid: 1,
    environment: { kept: 0, removed: 0, set: 0 },
  },
};

const output = (text: string, stream = 'stdout') => ({
  method: 'process/output',
  params: { processId: '$processId', seq: 1, stream, chunk: Buffer.from(text).toString('base64') },
});

const ended = (exitCode: number) => [
  { method: 'process/exited', params: { processId: '$processId', seq: 2, exitCode, sandboxDenied: false } },
  { method: 'process/closed', params: { processId: '$processId', seq: 3 } },
];

const failed = (data?: unknown) => ({ id: '$id', error: { code: -32603, message: `no${HOSTILE}`, data } });

const explanation = {
  id: '$id',
  result: {
    base: {
      base: 'process',
      attempts: [{ base: 'login', outcome: 'failed', reason: HOSTILE, durationMs: 1 }],
    },
    variables: {
      [`A${HOSTILE}`]: { outcome: 'removed', by: HOSTILE, pattern: HOSTILE },
      [`B${HOSTILE}`]: { outcome: 'set', by: 'constructor' },
      C: { outcome: 'set' },
      __proto__: { outcome: 'removed', by: '__proto__' },
    },
    counts: { kept: 0, removed: 0, set: 0 },
  },
};

type Script = Readonly<Record<string, readonly unknown[]>>;

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** Argument of `--via` for a server with this script, quoted for the shell. */
const via = (script: Script, ...then: string[]): string => {
  return `exec ${[process.execPath, fixturePath('hostile-server.js'), JSON.stringify(script), ...then].map(quoted).join(' ')}`;
};

const COMMANDS: ReadonlyArray<readonly string[]> = [
  ['run', '--', 'ls'],
  ['run', '-t', '--', 'ls'],
  ['env'],
  ['env', '-0'],
  ['env', '--explain'],
  ['env', '--explain', '--json', 'A'],
  ['doctor'],
  ['doctor', '--json'],
];

/** Runs a command against a server, and checks that its output is safe for a terminal and has no stack trace. */
const against = async (command: readonly string[], script: Script) => {
  const [name = '', ...rest] = command;
  const { stdout, stderr, end } = await runCli([name, '--via', via(script), ...rest], { env });
  const shown = `${stdout}\n${stderr}`;
  expect(HIDDEN.exec(shown)?.[0] ?? '', shown).to.equal('');
  expect(shown)
    .not.to.match(/^\s+at .*:\d+:\d+\)?$/m)
    .and.not.to.contain('Node.js v');
  return { stdout: stdout.toString(), stderr, end };
};

describe('the command line with a hostile server', () => {
  for (const command of COMMANDS) {
    const name = command.join(' ');

    it(`escapes its texts: ${name}`, async () => {
      const script = {
        initialize: [opened(HOSTILE)],
        'process/start': [failed({ kind: HOSTILE, stage: HOSTILE })],
        'environment/explain': [explanation],
      };
      const { stdout, end } = await against(command, script);
      expect(end).to.be.oneOf(command.includes('--explain') ? [0] : [125, 2]);
      if (command.includes('--json')) expect(JSON.parse(stdout)).to.be.an('object');
    });

    // run copies the output of the command byte for byte.
    if (command[0] !== 'run') {
      it(`escapes stderr of the process: ${name}`, async () => {
        const script = {
          initialize: [opened(HOSTILE)],
          'process/start': [started, output(HOSTILE, 'stderr'), ...ended(3)],
          'environment/explain': [failed()],
        };
        const { end } = await against(command, script);
        expect(end).to.be.oneOf([3, 125, 2]);
      });
    }

    it(`reports answers of the wrong type in one line: ${name}`, async () => {
      const wrong = [null, 5, [], HOSTILE, { processId: {}, variables: [HOSTILE], counts: 1e300 }];
      for (const result of wrong) {
        const script = {
          initialize: [opened()],
          'process/start': [{ id: '$id', result }],
          'environment/explain': [{ id: '$id', result }],
        };
        const { stderr, end } = await against(command, script);
        if (command[0] === 'doctor') expect(end).to.equal(2);
        else
          expect([end, /^exec-server: answer to [^\n]*\n$/.test(stderr)], stderr).to.deep.equal([255, true]);
      }
    });

    it(`reports a wrong first answer in one line: ${name}`, async () => {
      for (const message of [{ id: '$id', result: HOSTILE }, { id: '$id', error: HOSTILE }, failed()]) {
        const { stderr, end } = await against(command, { initialize: [message] });
        expect(end).to.equal(command[0] === 'doctor' ? 2 : 255);
        if (command[0] !== 'doctor') expect(stderr).to.match(/^exec-server: could not connect to /);
      }
    });

    // An explanation starts no process.
    if (!command.includes('--explain')) {
      it(`reports wrong notifications in one line: ${name}`, async () => {
        const params = { processId: '$processId', seq: HOSTILE, [HOSTILE]: HOSTILE };
        const script = {
          initialize: [opened()],
          'process/start': [started, { method: 'process/output', params }],
        };
        const { stdout, stderr, end } = await against(command, script);
        expect(end).to.equal(command[0] === 'doctor' ? 2 : 255);
        expect(`${stdout}${stderr}`).to.contain('process/output: seq: ');
      });
    }
  }

  it('reports a connection that ends in the middle of a frame', async () => {
    const { stderr, end } = await against(['run', '--', 'ls'], {
      initialize: [opened()],
      'process/start': ['{"id":'],
    });
    expect(end).to.equal(255);
    expect(stderr).to.match(/^exec-server: the connection to .* was lost/);
  });

  it('copies the output of run byte for byte', async () => {
    const script = { initialize: [opened()], 'process/start': [started, output(HOSTILE), ...ended(0)] };
    const { stdout, end } = await runCli(['run', '--via', via(script), '--', 'ls'], { env });
    expect({ stdout, end }).to.deep.equal({ stdout: Buffer.from(HOSTILE), end: 0 });
  });

  describe('env', () => {
    const value = HOSTILE.replaceAll('\0', '');
    const script = {
      initialize: [opened()],
      'process/start': [started, output(`A=${value}\0`), ...ended(0)],
    };

    it('prints values unchanged to a pipe', async () => {
      const { stdout } = await runCli(['env', '--via', via(script)], { env });
      expect(stdout).to.deep.equal(Buffer.from(`A=${value}\n`));
    });

    it('prints values escaped to a terminal', async () => {
      // script(1) runs the program on a terminal, which adds a carriage return to each line feed.
      const command = [process.execPath, programPath, 'env', '--via', via(script)].map(quoted).join(' ');
      const { stdout } = await promisify(execFile)('script', ['-qec', command, '/dev/null'], {
        env: { ...env, SHELL: '/bin/sh' },
      });
      const shown = stdout.replaceAll('\r\n', '\n');
      expect(HIDDEN.exec(shown)?.[0] ?? '', shown).to.equal('');
      expect(shown).to.contain('A=\\u001b]0;title\\u0007\\u001b[2J\\u000d\n');
    });
  });

  describe('run with a server that never answers', () => {
    let folder = '';

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'exec-server-'));
    });

    afterEach(() => rmSync(folder, { recursive: true }));

    /** Sends SIGINT repeatedly to a run, from the request to start its process. */
    const interrupted = async (script: Script) => {
      const requested = join(folder, 'requested');
      const command = via(script, requested);
      const { child, finished } = startCli(['run', '--via', command, '--', 'ls'], { env });
      await until(() => existsSync(requested), 'no process was requested');
      child.kill('SIGINT');
      const repeated = setInterval(() => child.kill('SIGINT'), 100);
      const { stderr, end } = await finished;
      clearInterval(repeated);
      expect(end).to.equal(255);
      return stderr.replace(command, 'COMMAND');
    };

    it('exits at a signal before the command has started', async () => {
      expect(await interrupted({ initialize: [opened()] })).to.equal(
        'exec-server: the connection to COMMAND was aborted by SIGINT\n',
      );
    });

    it('exits at a signal while the command runs', async () => {
      expect(await interrupted({ initialize: [opened()], 'process/start': [started] })).to.match(
        /^exec-server: the connection to COMMAND was ended: no answer to SIGINT for \d+ s; the command may still run\n$/,
      );
    });
  });
});

describe('a client of a hostile server that floods', () => {
  const core = fileURLToPath(new URL('../../dist/core/index.js', import.meta.url));
  const script = JSON.stringify({ initialize: [opened()], 'process/start': [started] });

  /** Error of a client that reads no output, and the growth of its memory in KiB. */
  const flooded = async (then: string): Promise<{ message: string; growth: number }> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        fixturePath('reads-nothing.js'),
        core,
        process.execPath,
        fixturePath('hostile-server.js'),
        script,
        then,
      ],
      { env },
    );
    return JSON.parse(stdout);
  };

  it('ends the connection at the window, with little memory used', async () => {
    const { message, growth } = await flooded('flood');
    expect(message).to.match(
      /was lost: process\/output: process 1 has \d+ bytes of unacknowledged output, over the window of 1048576: /,
    );
    // Without a bound, the client would use hundreds of megabytes each second.
    expect(growth).to.be.below(200 * 1024);
  });

  it('ends the connection after a frame of the maximum length that is not a message', async () => {
    const { message, growth } = await flooded('endless');
    expect(message).to.contain('the server sent something that is not a message: the body is not valid JSON');
    expect(growth).to.be.below(400 * 1024);
  });
});

import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { connect } from '../../src/core/connect.ts';
import { ConnectionLostError } from '../../src/core/errors.ts';
import type { ExecClient } from '../../src/core/exec-client.ts';
import { localServer, type Target } from '../../src/core/target.ts';
import { version } from '../../src/protocol/version.ts';
import { until } from '../support/until.ts';

const PATH = '/usr/local/bin:/usr/bin:/bin';

/** The server from its source. */
const server = [
  process.execPath,
  '--import',
  pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href,
  fileURLToPath(new URL('../../src/program/main.ts', import.meta.url)),
] as const;

const script = (text: string, location: Target['location'] = 'local'): Target => ({
  argv: ['sh', '-c', text, 'sh', ...server],
  location,
  label: 'a script',
});

/** The message and the end of the program of a connection attempt that must fail. */
const failure = async (connecting: Promise<ExecClient>) => {
  try {
    await (await connecting).close();
  } catch (error) {
    expect(error).to.be.instanceOf(ConnectionLostError);
    const { message, transport } = error as ConnectionLostError;
    return { message, transport };
  }
  throw new Error('connected');
};

/** The reason with which a promise rejects. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => new Error('did not reject'),
    (error: unknown) => error,
  );

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const WRONG_ANSWER = '{"jsonrpc":"2.0","id":0,"result":{}}';

describe('connect', () => {
  const localEnv = { PATH };
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** A program that writes its pid to a file and then runs a script. */
  const withPid = (text: string) => {
    const file = join(directory, 'pid');
    return {
      target: script(`echo $$ > '${file}.new'; mv '${file}.new' '${file}'; ${text}`),
      started: async () => {
        await until(() => existsSync(file), 'the program has not started');
        return Number(readFileSync(file, 'utf8'));
      },
    };
  };

  it('opens a connection to a server', async () => {
    const client = await connect(localServer(server), { localEnv });
    expect(client.info).to.include({ executorVersion: version });
    await client.close();
    expect(await client.closed).to.equal(undefined);
  });

  it('ignores what a login shell prints before the first frame', async () => {
    const client = await connect(script('echo "Welcome!"; echo; exec "$@" --stdio', 'remote'), { localEnv });
    expect(client.info).to.include({ executorVersion: version });
    expect(client.startUpOutput).to.deep.equal({ bytes: 10, excerpt: 'Welcome!\\n\\n' });
    await client.close();
  });

  it('reports no startup output if there was none', async () => {
    const client = await connect(localServer(server), { localEnv });
    expect(client.startUpOutput).to.equal(undefined);
    await client.close();
  });

  it('runs no program if it is aborted before', async () => {
    const { target } = withPid('cat');
    const reason = new Error('the reason');
    expect(await rejection(connect(target, { localEnv, signal: AbortSignal.abort(reason) }))).to.equal(
      reason,
    );
    expect(existsSync(join(directory, 'pid'))).to.equal(false);
  });

  for (const [title, text] of [
    ['one that prints nothing', 'exec sleep 600'],
    ['one that ignores SIGTERM', 'trap "" TERM; exec sleep 600'],
  ] as const) {
    it(`ends the program and rejects with the reason of an abort: ${title}`, async () => {
      const { target, started } = withPid(text);
      const controller = new AbortController();
      const failing = rejection(connect(target, { localEnv, signal: controller.signal }));
      const pid = await started();
      controller.abort('the reason');
      expect(await failing).to.equal('the reason');
      expect(isAlive(pid)).to.equal(false);
    });
  }

  it('ignores an abort after it has resolved', async () => {
    const controller = new AbortController();
    const client = await connect(localServer(server), { localEnv, signal: controller.signal });
    controller.abort();
    const child = await client.start({ argv: ['echo', 'there'], env: { exact: localEnv } });
    expect(String((await child.collect()).stdout)).to.equal('there\n');
    await client.close();
  });

  it('reports the exit code and the last lines of stderr of a program that exits', async () => {
    expect(
      await failure(connect(script('echo first >&2; echo second >&2; exit 3'), { localEnv })),
    ).to.deep.equal({
      message: 'could not connect to a script: sh exited with code 3\n  first\n  second',
      transport: { program: 'sh', exitCode: 3, signal: null, stderr: ['first', 'second'] },
    });
  });

  it('reports the signal that killed the program', async () => {
    expect(await failure(connect(script('kill -KILL $$'), { localEnv }))).to.deep.equal({
      message: 'could not connect to a script: sh was killed by SIGKILL',
      transport: { program: 'sh', exitCode: null, signal: 'SIGKILL', stderr: [] },
    });
  });

  it('reports a program that does not exist', async () => {
    expect(
      await failure(connect({ argv: ['no-such-program'], location: 'local', label: 'box' }, { localEnv })),
    ).to.deep.equal({
      message:
        'could not connect to box: no-such-program was not found\nno-such-program was not found on this machine; install it, or add its directory to PATH',
      transport: { program: 'no-such-program', errno: 'ENOENT', exitCode: null, signal: null, stderr: [] },
    });
  });

  it('quotes the output of a program that is not a server', async () => {
    const { message } = await failure(connect(script('echo "Permission denied."; exit 1'), { localEnv }));
    expect(message).to.equal(
      'could not connect to a script: sh exited with code 1\nexpected a server, received 19 bytes: "Permission denied.\\n"\n' +
        'the command printed something that is not exec-server output (a menu, a banner or a forced command)',
    );
  });

  it('fails for a program that prints garbage without end', async () => {
    const garbage = "trap '' PIPE; yes 'no header' 2>/dev/null | head -c 2000000; cat >/dev/null";
    expect((await failure(connect(script(garbage), { localEnv }))).message).to.match(
      /^could not connect to a script: no frame in the first 1048576 bytes: sh exited with code 0\nexpected a server, received \d{7} bytes: "(no header\\n){20}…[no header\\]+"\n/,
    );
  });

  for (const [title, text] of [
    ['echoes the request', 'exec cat'],
    [
      'answers with an invalid result',
      `printf 'Content-Length: ${WRONG_ANSWER.length}\\r\\n\\r\\n${WRONG_ANSWER}'; exec cat >/dev/null`,
    ],
  ] as const) {
    it(`ends a program that ${title}`, async () => {
      const { target, started } = withPid(text);
      const [{ message }, pid] = await Promise.all([failure(connect(target, { localEnv })), started()]);
      expect(message).to.match(/^could not connect to a script: /);
      expect(isAlive(pid)).to.equal(false);
    });
  }

  it('starts local processes with localEnv, without variables that are not UTF-8', async () => {
    // Node decodes bytes that are not UTF-8 to a replacement character; the process would get another value.
    const own = Object.fromEntries([
      ...Object.entries(localEnv),
      ['A', '1'],
      ['NOT_UTF_8', 'a\ufffdb'],
      ['__proto__', 'x'],
      ['UNDEFINED', undefined],
    ]);
    const client = await connect(localServer(server), { localEnv: own });
    const child = await client.start({ argv: ['/usr/bin/env'] });
    expect(
      String((await child.collect()).stdout)
        .trim()
        .split('\n')
        .sort(),
    ).to.deep.equal(['A=1', `PATH=${PATH}`, `PWD=${process.cwd()}`, '__proto__=x']);
    await client.close();
  });

  it('runs the program of a target with its env and cwd', async () => {
    const target: Target = {
      ...script('(printenv ADDED KEPT; printenv GONE || echo gone; pwd -P) >&2; exit 3', 'remote'),
      env: { ADDED: 'there', GONE: null },
      cwd: directory,
    };
    const { transport } = await failure(connect(target, { localEnv: { ...localEnv, GONE: '1', KEPT: '2' } }));
    expect(transport?.stderr).to.deep.equal(['there', '2', 'gone', realpathSync(directory)]);
  });

  it('adds the env of the target to local processes', async () => {
    const client = await connect(
      { ...localServer(server), env: { A: '2', B: '3' } },
      { localEnv: { ...localEnv, A: '1' } },
    );
    const child = await client.start({ argv: ['/bin/sh', '-c', 'echo "$A $B"'] });
    expect(String((await child.collect()).stdout)).to.equal('2 3\n');
    await client.close();
  });

  it('reports a missing cwd of the target, not a missing program', async () => {
    const cwd = join(directory, 'none');
    expect(await failure(connect({ ...script('exit 0'), cwd }, { localEnv }))).to.deep.equal({
      message: `could not connect to a script: cannot enter the working directory ${cwd}: no such file or directory`,
      transport: undefined,
    });
  });

  it('limits the time of the answer to that of the target', async () => {
    const { target, started } = withPid('echo Beer; echo complaint >&2; exec sleep 600');
    const failing = failure(connect({ ...target, initializeTimeoutMs: 3500 }, { localEnv }));
    const pid = await started();
    expect((await failing).message).to.match(
      /^could not connect to a script: no answer to initialize within 3\.5 s: sh was killed by SIGTERM\n {2}complaint\nexpected a server, received 5 bytes: "Beer\\n"\n/,
    );
    expect(isAlive(pid)).to.equal(false);
  });

  it('prefers the time limit of the caller', async () => {
    const { target } = withPid('exec sleep 600');
    const connecting = connect(
      { ...target, initializeTimeoutMs: 600_000 },
      { localEnv, initializeTimeoutMs: 10 },
    );
    expect((await failure(connecting)).message).to.contain(': no answer to initialize within 0.01 s: ');
  });

  it('stops the timer after the answer', async () => {
    const timers = () => process.getActiveResourcesInfo().filter(resource => resource === 'Timeout').length;
    // Mocha sets the timer of a test when its first part has returned.
    await Promise.resolve();
    const before = timers();
    const client = await connect(localServer(server), { localEnv, initializeTimeoutMs: 600_000 });
    const after = timers();
    await client.close();
    expect(after).to.be.at.most(before);
  });
});

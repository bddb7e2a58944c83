import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { startHttpProxy, startOrigin } from '../e2e/support/proxy.ts';
import { type RemoteHost, startRemoteHost } from '../e2e/support/remote-host.ts';
import { describeWithSshd } from '../e2e/support/sshd.ts';
import { survivorsIn, waitForNoSurvivorsIn } from '../e2e/support/survivors.ts';
import { until } from '../support/until.ts';
import {
  createDirectories,
  type Directories,
  plainServer,
  recorded,
  recordedServer,
  runCodex,
  type Sandbox,
  startCodex,
} from './support/codex.ts';
import { codexProgram } from './support/install.ts';
import type { Step } from './support/model.ts';

/** A turn in which the model runs a command. */
const exec =
  (cmd: string, more: object = {}): Step =>
  () => ({ name: 'exec_command', arguments: { cmd, login: false, ...more } });

/** A turn in which the model writes to the session that the previous turn left running. */
const type =
  (chars: string, more: object = {}): Step =>
  outputs => ({
    name: 'write_stdin',
    arguments: { session_id: sessionIn(outputs.at(-1) ?? ''), chars, yield_time_ms: 10_000, ...more },
  });

const sessionIn = (output: string): number => Number(/session ID (\d+)/.exec(output)?.[1] ?? Number.NaN);

/** The exit code and output in the model's input about a command that has ended. */
const endOf = (output = '') => ({
  exitCode: Number(/exited with code (-?\d+)/.exec(output)?.[1] ?? Number.NaN),
  text: output.slice(output.indexOf('Output:\n') + 'Output:\n'.length),
});

/** Prints a line, then runs forever and ignores signals. */
const STUBBORN = "trap '' TERM HUP INT; echo up; while :; do sleep 0.2; done";

describe('OpenAI Codex', () => {
  let directories: Directories;

  before(codexProgram);

  beforeEach(() => {
    directories = createDirectories();
  });

  afterEach(async () => {
    await waitForNoSurvivorsIn(directories.work);
    directories.remove();
  });

  const run = async (steps: readonly Step[], sandbox: Sandbox = 'danger-full-access') => {
    const { end, outputs, text } = await runCodex(directories, sandbox, steps);
    expect(end, text).to.equal(0);
    return outputs;
  };

  it('runs a command with the environment of the server and the variables that Codex adds', async () => {
    const [output] = await run([exec('pwd; env -0 | tr "\\0" "\\n"')]);
    const { exitCode, text } = endOf(output);
    const [cwd, ...lines] = text.trimEnd().split('\n');
    const env = Object.fromEntries(lines.map(line => line.split(/=(.*)/s).slice(0, 2)));
    expect({ exitCode, cwd }).to.deep.equal({ exitCode: 0, cwd: directories.work });
    expect(env).to.include({
      HOME: directories.serverHome,
      PATH: directories.serverPath,
      LANG: 'C.UTF-8',
      TERM: 'dumb',
      NO_COLOR: '1',
      CODEX_CI: '1',
    });
    expect(env.CODEX_THREAD_ID).to.match(/^[0-9a-f-]{36}$/);
    expect(output).not.to.contain('planted');
    expect(env).not.to.have.any.keys('CODEX_HOME', 'OPENAI_API_KEY', 'ONLY_HERE');
  });

  it('receives the exit code and output of a command that fails', async () => {
    const [failed, missing] = await run([
      exec('echo out; echo err >&2; exit 7'),
      exec('true', { workdir: '/missing/directory' }),
    ]);
    expect(endOf(failed)).to.deep.equal({ exitCode: 7, text: 'out\nerr\n' });
    expect(missing).to.contain('cwd does not exist: /missing/directory');
  });

  it('receives head and tail of a big output', async () => {
    const [output] = await run([exec('seq 1 300000')]);
    const { exitCode, text } = endOf(output);
    expect(exitCode).to.equal(0);
    expect(text)
      .to.match(/\n1\n2\n3\n/)
      .and.match(/\n299999\n300000\n?$/);
    expect(text).to.match(/truncated/);
  });

  it('polls a program on pipes in several calls', async () => {
    const [first, second] = await run([
      exec('sleep 0.5; echo ready; sleep 1; echo done', { yield_time_ms: 250 }),
      type(''),
    ]);
    expect(sessionIn(first ?? '')).to.be.a('number').and.not.NaN;
    expect(endOf(second)).to.deep.equal({ exitCode: 0, text: 'ready\ndone\n' });
  });

  it('writes to a program on a terminal', async () => {
    const [, second] = await run([
      exec('test -t 0 && stty size; read line; echo "got $line"', { tty: true, yield_time_ms: 1000 }),
      type('hello\n'),
    ]);
    expect(endOf(second).exitCode).to.equal(0);
    expect(endOf(second).text).to.contain('got hello');
  });

  it('interrupts a command with Ctrl-C', async () => {
    const [, second] = await run([
      exec("trap 'echo interrupted; exit 9' INT; echo waiting; while :; do sleep 0.1; done", {
        tty: true,
        yield_time_ms: 1000,
      }),
      type('\u0003'),
    ]);
    expect(endOf(second).exitCode).to.equal(9);
    expect(endOf(second).text).to.contain('interrupted');
  });

  const patch = `apply_patch <<'PATCH'
*** Begin Patch
*** Add File: new/added.txt
+added
*** Update File: there.txt
@@
-old
+new
*** Delete File: gone.txt
*** End Patch
PATCH`;

  for (const sandbox of ['danger-full-access', 'workspace-write'] as const) {
    it(`applies a patch with ${sandbox}`, async () => {
      writeFileSync(join(directories.work, 'there.txt'), 'first\nold\nlast\n');
      writeFileSync(join(directories.work, 'gone.txt'), 'gone\n');
      const [output] = await run([exec(patch)], sandbox);
      expect(output).to.contain('Success. Updated the following files');
      expect({
        added: readFileSync(join(directories.work, 'new/added.txt'), 'utf8'),
        there: readFileSync(join(directories.work, 'there.txt'), 'utf8'),
        gone: existsSync(join(directories.work, 'gone.txt')),
      }).to.deep.equal({ added: 'added\n', there: 'first\nnew\nlast\n', gone: false });
    });
  }

  it('cannot write with a read-only sandbox', async () => {
    const [shell, patched] = await run([exec('id -u; echo x > file'), exec(patch)], 'read-only');
    expect(endOf(shell).exitCode).not.to.equal(0);
    expect(shell).to.contain('Read-only file system');
    expect(patched).not.to.contain('Success');
    expect(existsSync(join(directories.work, 'file'))).to.equal(false);
  });

  it('can write only its workspace and has no network with workspace-write', async () => {
    mkdirSync(join(directories.work, '.git'));
    const outside = join(directories.serverHome, 'outside');
    const [inside, beyond, git, network] = await run(
      [
        exec('echo x > file && cat file'),
        exec(`echo x > ${outside}`),
        exec('echo x > .git/config'),
        exec('exec 3<>/dev/tcp/127.0.0.1/22'),
      ],
      'workspace-write',
    );
    expect(endOf(inside)).to.deep.equal({ exitCode: 0, text: 'x\n' });
    for (const denied of [beyond, git, network]) expect(endOf(denied).exitCode).not.to.equal(0);
    expect(existsSync(outside)).to.equal(false);
    expect(existsSync(join(directories.work, '.git/config'))).to.equal(false);
  });

  it('receives an answer to every request', async () => {
    await run([exec('echo one'), exec('cat', { tty: true, yield_time_ms: 250 }), type('\u0004')]);
    const messages = recorded(directories);
    const requests = messages.filter(
      ({ from, id, method }) => from === 'codex' && id !== undefined && method,
    );
    const answers = new Map(
      messages.filter(({ from, method }) => from === 'server' && !method).map(answer => [answer.id, answer]),
    );
    expect(requests.filter(({ id }) => !answers.has(id))).to.deep.equal([]);
    const table = new Map<string, number>();
    for (const { id, method } of requests) {
      const error = answers.get(id)?.error;
      const row = `${method}: ${error ? `${error.code}` : 'result'}`;
      table.set(row, (table.get(row) ?? 0) + 1);
    }
    process.stdout.write(Array.from(table, ([row, count]) => `      ${row} x ${count}\n`).join(''));
    // The only errors are those for missing files.
    expect([...table.keys()].filter(row => !/: (result|-32004)$/.test(row))).to.deep.equal([]);
  });

  it('sends its trace, which the server adds to its log', async () => {
    const log = join(directories.work, 'server.log');
    const server = [
      '/bin/sh',
      '-c',
      `exec "$@" 2>'${log}'`,
      'sh',
      ...recordedServer(directories),
      '--log-calls',
    ];
    const exporter =
      'trace_exporter = { otlp-http = { endpoint = "http://127.0.0.1:9/", protocol = "json" } }';
    const { end, text } = await runCodex(
      directories,
      'danger-full-access',
      [exec('true')],
      server,
      `[otel]\n${exporter}\n`,
    );
    expect(end, text).to.equal(0);
    const requests = recorded(directories).filter(({ from, id, method }) => from === 'codex' && id && method);
    expect(requests.map(({ trace }) => typeof trace?.traceparent)).to.deep.equal(
      requests.map(() => 'string'),
    );
    const lines = readFileSync(log, 'utf8');
    for (const { id, method, trace } of requests) {
      expect(lines).to.match(
        new RegExp(`^exec-server: call ${method} id ${id} .* \\(traceparent ${trace?.traceparent}`, 'm'),
      );
    }
  });

  it('restores the state of a login shell for each command', async () => {
    writeFileSync(
      join(directories.serverHome, '.bash_profile'),
      'echo read >>"$HOME/reads"; greet() { echo "hello $1"; }; export FROM_PROFILE=kept\n',
    );
    const login = exec('greet "$FROM_PROFILE"', { login: true });
    const { end, outputs, text } = await runCodex(
      directories,
      'danger-full-access',
      Array(6).fill(login),
      recordedServer(directories),
      '[features]\nshell_snapshot_v2 = true\n',
    );
    expect(end, text).to.equal(0);
    expect(outputs.map(output => endOf(output))).to.deep.equal(
      outputs.map(() => ({ exitCode: 0, text: 'hello kept\n' })),
    );
    const starts = recorded(directories).filter(({ method }) => method === 'process/start');
    expect(starts[0]?.params.shellSnapshot).to.have.keys('scopeId', 'shell');
    const reads = readFileSync(join(directories.serverHome, 'reads'), 'utf8').split('\n').length - 1;
    expect(reads).to.be.at.least(1).and.below(starts.length);
  });

  it('reaches MCP servers through the server, with variables of the server in headers', async () => {
    const received: Array<string | undefined> = [];
    const web = createServer(({ headers }, response) => {
      received.push(headers.authorization);
      response.writeHead(500).end();
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { port } = web.address() as AddressInfo;
    const { end, text } = await runCodex(
      directories,
      'danger-full-access',
      [exec('true')],
      recordedServer(directories),
      `[mcp_servers.web]\nurl = "http://127.0.0.1:${port}/mcp"\nenvironment_id = "ours"\nbearer_token_env_var = "LANG"\n`,
    );
    web.closeAllConnections();
    web.close();
    await once(web, 'close');
    expect(end, text).to.equal(0);
    expect([...new Set(received)]).to.deep.equal(['Bearer C.UTF-8']);
  });

  const proxy =
    '[features.network_proxy]\nenabled = true\n[sandbox_workspace_write]\nnetwork_access = true\n';
  const unsupported: Array<[title: string, config: string]> = [
    ['its network proxy', proxy],
    ['masked credentials', `[features]\ncredential_masking = true\n${proxy}`],
  ];
  for (const [title, config] of unsupported) {
    it(`runs no command that requires ${title}`, async () => {
      const { outputs } = await runCodex(
        directories,
        'workspace-write',
        [exec('echo ran')],
        recordedServer(directories),
        config,
      );
      expect(outputs[0]).to.contain(
        'selected exec-server does not support executor-local network proxy launches',
      );
      expect(recorded(directories).map(({ method }) => method)).not.to.contain('process/start');
    });
  }

  const stubbornCommands: Step[] = [
    exec(STUBBORN, { yield_time_ms: 500 }),
    exec(STUBBORN, { tty: true, yield_time_ms: 500 }),
  ];

  it('leaves no process running when it exits', async () => {
    await run(stubbornCommands);
    await waitForNoSurvivorsIn(directories.work);
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`leaves no process running on ${signal}`, async () => {
      // The third command keeps running, so Codex waits for it.
      const { codex, ended } = await startCodex(
        directories,
        'danger-full-access',
        [...stubbornCommands, exec('sleep 600', { yield_time_ms: 30_000 })],
        plainServer(directories),
      );
      await waitForCommands(directories, 3);
      codex.kill(signal);
      await once(codex, 'exit');
      await ended;
      await waitForNoSurvivorsIn(directories.work);
    });
  }
});

describeWithSshd('OpenAI Codex behind a real sshd', () => {
  let directories: Directories;
  let host: RemoteHost;

  before(async () => {
    directories = createDirectories();
    host = await startRemoteHost();
  });

  after(async () => {
    await host?.stop();
    directories?.remove();
  });

  it('runs its commands with the environment of the host and leaves no process there', async () => {
    const { end, outputs, text } = await runCodex(
      directories,
      'workspace-write',
      [
        exec('echo "$PATH $CODEX_CI"; exit 3'),
        exec('read line; echo "got $line"', { tty: true, yield_time_ms: 1000 }),
        type('hello\n'),
        exec(STUBBORN, { yield_time_ms: 500 }),
      ],
      [...host.sshd.sshCommand, '-T', host.sshd.host, 'exec-server --listen stdio'],
    );
    expect(end, text).to.equal(0);
    expect(endOf(outputs[0])).to.deep.equal({ exitCode: 3, text: `${host.path} 1\n` });
    expect(endOf(outputs[2]).text).to.contain('got hello');
    expect(host.received().includes('planted')).to.equal(false);
    await waitForNoSurvivorsIn(directories.work);
  });

  it('runs its commands on the host behind a proxy that its policy sets', async () => {
    const origin = await startOrigin({ '/': 'through the proxy\n' });
    const proxy = await startHttpProxy(origin);
    const { end, outputs, text } = await runCodex(
      directories,
      'danger-full-access',
      [exec('env | sort'), exec('curl -sS http://origin.test/')],
      [...host.sshd.sshCommand, '-T', host.sshd.host, 'exec-server --listen stdio'],
      `[shell_environment_policy.set]\nhttp_proxy = "${proxy.url}"\nHTTPS_PROXY = "${proxy.url}"\n`,
    );
    await proxy.close();
    await origin.close();
    expect(end, text).to.equal(0);
    const env = endOf(outputs[0]).text;
    expect(env).to.contain(`\nhttp_proxy=${proxy.url}\n`).and.contain(`HTTPS_PROXY=${proxy.url}\n`);
    expect(env)
      .to.contain(`\nPATH=${host.path}\n`)
      .and.contain('\nCODEX_VERSION=')
      .and.not.contain('planted');
    expect(endOf(outputs[1])).to.deep.equal({ exitCode: 0, text: 'through the proxy\n' });
    expect(proxy.hosts).to.deep.equal(['origin.test']);
  });
});

/** Waits until this many commands run in the directory `work`. */
const waitForCommands = ({ work }: Directories, count: number): Promise<void> =>
  until(
    () => survivorsIn(work).filter(line => /bash|sh -c|sleep 600/.test(line)).length >= count,
    () => `only these commands are running: ${survivorsIn(work).join(', ')}`,
  );

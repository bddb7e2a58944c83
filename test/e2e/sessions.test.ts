import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import {
  ConnectionLostError,
  commandServer,
  connect,
  type ExecClient,
  type SessionEvent,
  sshServer,
  type Target,
} from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import { childrenOf } from './support/process-tree.ts';
import { programPath } from './support/program.ts';
import { describeWithSshd, type Sshd, startSshd } from './support/sshd.ts';

const KEEP_MS = 60_000;

/** Bytes that a flood writes. */
const FLOOD = 20_000_000;

/** A line for each number, then many bytes; the digest of its output. */
const SCRIPT = `for i in $(seq 20); do echo $i; done; head -c ${FLOOD} /dev/zero | tr '\\0' x; echo end`;
const OUTPUT_DIGEST = createHash('sha256')
  .update(Array.from({ length: 20 }, (_, at) => `${at + 1}\n`).join(''))
  .update(Buffer.alloc(FLOOD, 'x'))
  .update('end\n')
  .digest('hex');

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A client whose connection can be cut. */
class Cuttable {
  readonly events: SessionEvent[] = [];
  readonly #others: readonly number[];
  client!: ExecClient;

  constructor() {
    this.#others = childrenOf(process.pid);
  }

  async connect(target: Target, localEnv: NodeJS.ProcessEnv, keepMs = KEEP_MS): Promise<this> {
    this.client = await connect(target, {
      localEnv,
      session: { keepMs, onEvent: event => this.events.push(event) },
    });
    return this;
  }

  /** Programs that carry the connection. */
  get transports(): number[] {
    return childrenOf(process.pid).filter(pid => !this.#others.includes(pid));
  }

  /** Kills the programs that carry the connection, or sends them another signal. */
  cut(signal: NodeJS.Signals = 'SIGKILL'): void {
    for (const pid of this.transports) process.kill(pid, signal);
  }

  count(type: SessionEvent['type']): number {
    return this.events.filter(event => event.type === type).length;
  }

  /** Resolves when the connection was opened again so many times. */
  resumed(times: number): Promise<void> {
    return until(
      () => this.count('resumed') >= times,
      () => JSON.stringify(this.events),
    );
  }
}

/** Runs the flood, and cuts the connection after each of these shares of it. */
const flood = async (link: Cuttable, cuts: readonly number[]): Promise<void> => {
  const child = await link.client.start({ argv: ['sh', '-c', SCRIPT] });
  const digest = createHash('sha256');
  const left = [...cuts];
  let bytes = 0;
  for await (const { chunk } of child.output) {
    digest.update(chunk);
    bytes += chunk.length;
    if (left[0] !== undefined && bytes >= left[0] * FLOOD) {
      left.shift();
      link.cut();
    }
  }
  expect({ digest: digest.digest('hex'), exit: (await child.exit).exitCode, left }).to.deep.equal({
    digest: OUTPUT_DIGEST,
    exit: 0,
    left: [],
  });
};

describeWithSshd('a session over ssh that is kept', () => {
  let sshd: Sshd;
  let env: NodeJS.ProcessEnv;
  const installed = sshServer('devbox', `exec '${process.execPath}' '${programPath}' --stdio`);

  before(async () => {
    sshd = await startSshd({ remotePath: '/usr/bin:/bin' });
    env = { ...process.env, PATH: [sshd.clientBin, process.env.PATH].join(delimiter) };
  });

  after(() => sshd.stop());

  const sessions = () =>
    readdirSync(join(sshd.home, '.cache/exec-server/sessions')).filter(name => name !== 'ended.log');

  it('loses no byte of output when ssh is killed during a flood', async () => {
    const link = await new Cuttable().connect(installed, env);
    await flood(link, [0.0001, 0.2, 0.5, 0.9]);
    expect(link.count('resumed')).to.equal(4);
    await link.client.close();
    expect(sessions()).to.deep.equal([]);
  });

  it('answers each request once, and writes input once, when ssh is killed in between', async () => {
    const link = await new Cuttable().connect(installed, env);
    const child = await link.client.start({ argv: ['cat'], stdin: true });
    const lines: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      for (let at = 0; at < 50; at += 1) {
        const line = `${round}.${at}\n`;
        lines.push(line);
        void child.write(line);
      }
      const status = link.client.list();
      link.cut();
      expect(await status).to.have.lengthOf(1);
    }
    await child.closeStdin();
    expect(String((await child.collect()).stdout)).to.equal(lines.join(''));
    expect(link.count('resumed')).to.be.at.least(1);
    await link.client.close();
  });

  it('continues a terminal, and a file that is written', async () => {
    const link = await new Cuttable().connect(installed, env);
    const shell = await link.client.start({
      argv: ['sh', '-c', 'read a; echo "[$a]"; read b; echo "<$b>"'],
      tty: true,
    });
    await shell.write('one\n');
    link.cut();
    await link.resumed(1);
    await shell.write('two\n');
    const screen = String((await shell.collect()).pty);
    expect(screen).to.contain('[one]').and.contain('<two>');

    const file = join(sshd.home, 'written');
    const content = Buffer.alloc(3_000_000, 'content ');
    const writing = link.client.files.writeFile(file, content);
    link.cut();
    await writing;
    expect(readFileSync(file).equals(content)).to.equal(true);
    await link.client.close();
  });

  it('notices a connection that is stopped, and resumes', async function () {
    this.timeout(120_000);
    const link = await new Cuttable().connect(installed, env);
    link.cut('SIGSTOP');
    await link.resumed(1);
    expect(await link.client.list()).to.deep.equal([]);
    await link.client.close();
  });

  it('works through an installation on the host', async () => {
    const link = await new Cuttable().connect(sshServer('devbox'), env);
    await flood(link, [0.5]);
    await link.client.close();
  });
});

describe('a session that is kept', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  const target = commandServer([process.execPath, programPath, '--stdio']);

  before(() => {
    home = mkdtempSync(join(tmpdir(), 'exec-server-sessions-'));
    env = { ...process.env, HOME: home, XDG_CACHE_HOME: '' };
  });

  after(() => rmSync(home, { recursive: true }));

  const log = () => readFileSync(join(home, '.cache/exec-server/sessions/ended.log'), 'utf8');

  it('ends with its processes when it is not resumed in time', async () => {
    const link = await new Cuttable().connect(target, env, 300);
    const child = await link.client.start({ argv: ['sleep', '600'] });
    const [server = 0] = link.transports;
    // The client does not come back.
    const { pid = 0 } = child;
    link.client.abort('the test leaves').catch(() => {});
    process.kill(server, 'SIGHUP');
    await until(() => !isRunning(pid) && !isRunning(server), 'the session is still there');
    expect(log()).to.match(/ (SIGTERM|the session was not resumed in time|the connection was closed)\n$/);
  });

  it('ends immediately by close', async () => {
    const link = await new Cuttable().connect(target, env);
    const { id = '' } = link.client.session ?? {};
    const child = await link.client.start({ argv: ['sleep', '600'] });
    await link.client.close();
    expect(isRunning(child.pid ?? 0)).to.equal(false);
    expect(existsSync(join(home, '.cache/exec-server/sessions', `${id.slice(0, 16)}.sock`))).to.equal(false);
  });

  it('is resumed after a time without a network, in which no name is known', async () => {
    const attempts = join(home, 'attempts');
    const offline = 'ssh: Could not resolve hostname devbox: Temporary failure in name resolution';
    const script = `echo >> '${attempts}'; [ $(wc -l < '${attempts}') != 2 ] || { echo '${offline}' >&2; exit 255; }; exec "$@"`;
    const link = await new Cuttable().connect(
      commandServer(['sh', '-c', script, 'sh', process.execPath, programPath, '--stdio']),
      env,
    );
    link.cut('SIGHUP');
    await link.resumed(1);
    expect(link.count('reconnecting')).to.equal(2);
    expect(link.events[1]).to.have.property('reason').that.contains(offline);
    await link.client.close();
  });

  it('is lost with the reason when the server was killed', async () => {
    const link = await new Cuttable().connect(target, env);
    link.cut();
    const error = await link.client.closed;
    expect(error).to.be.instanceOf(ConnectionLostError);
    expect(error?.message).to.contain('there is no such session here');
    expect(link.events.at(-1)?.type).to.equal('lost');
    expect(link.client.state).to.equal('lost');
  });
});

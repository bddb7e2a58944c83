import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { commandServer, connect, type ExecClient, type Target, UnifiedExec } from '../../src/core/index.ts';
import { NOBODY_UID } from '../support/accounts.ts';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { runCli } from './support/cli.ts';
import { programPath } from './support/program.ts';

const SERVER = [process.execPath, programPath, '--stdio'] as const;
const PATH = '/usr/local/bin:/usr/bin:/bin';

(process.platform === 'win32' ? describe.skip : describe)('an account whose shell runs no commands', () => {
  let home: string;
  let client: ExecClient | undefined;

  before(() => {
    home = mkdtempSync(join(tmpdir(), 'account-shell-'));
  });

  afterEach(async () => {
    await client?.close();
    client = undefined;
  });

  after(() => rmSync(home, { recursive: true }));

  const open = async (target: Target, env: NodeJS.ProcessEnv = {}): Promise<ExecClient> => {
    client = await connect(target, { localEnv: { PATH, HOME: home, ...env } });
    return client;
  };

  const printed = async (client: ExecClient, command: string): Promise<string> => {
    const agent = new UnifiedExec(client);
    try {
      const { output, exitCode } = await agent.execCommand({ command, yieldTimeMs: 30_000 });
      expect(exitCode).to.equal(0);
      return output.trim();
    } finally {
      await agent.close();
    }
  };

  it('runs commands in /bin/sh, also as a login shell (an account with nologin)', async function () {
    if (process.getuid?.() !== 0) skipUnavailable(this, 'only root can become another account');
    const uid = ['--reuid', String(NOBODY_UID), '--regid', String(NOBODY_UID), '--clear-groups'];
    const client = await open(commandServer(['setpriv', ...uid, ...SERVER]));
    const { path, reason } = client.info.shell.insteadOf ?? {};
    if (path === undefined) skipUnavailable(this, `the shell of the account ${NOBODY_UID} runs commands`);
    expect(client.info.shell).to.deep.include({ name: 'sh', path: '/bin/sh' });
    expect([path, reason]).to.match(/nologin|false,runs no commands/);
    expect(await printed(client, 'id -u')).to.equal(String(NOBODY_UID));
    const child = await client.start({
      argv: ['printenv', 'SHELL'],
      cwd: '/',
      env: { policy: { base: 'login' } },
    });
    expect((await child.collect()).stdout.toString()).to.equal('/bin/sh\n');
    expect(child.launch.envBase?.base).to.equal('login');
  });

  for (const [shell, reason] of [
    ['/bin/false', 'runs no commands'],
    ['/nowhere/zsh', 'does not exist'],
  ] as const) {
    it(`runs commands in that of the user database if SHELL is ${shell}`, async () => {
      const client = await open(commandServer([...SERVER]), { SHELL: shell });
      const path = userInfo().shell || '/bin/sh';
      expect(client.info.shell).to.deep.include({ path, insteadOf: { path: shell, reason } });
      expect(await printed(client, 'echo ran')).to.equal('ran');
    });
  }

  it('is reported by doctor', async () => {
    const env = { PATH, HOME: home, SHELL: '/bin/false' };
    const { stdout } = await runCli(['doctor'], { env });
    expect(stdout.toString()).to.contain("used because the account's shell /bin/false runs no commands\n");
  });
});

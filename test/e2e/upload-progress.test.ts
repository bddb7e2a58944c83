import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type ExecClient, localServer } from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import { type BareHost, CLIENT_CACHE, startBareHost } from './support/bare-host.ts';
import { programPath } from './support/program.ts';
import { describeWithSshd } from './support/sshd.ts';

/** Copies stdin to a program slowly: 64 KiB in 20 ms. */
const SLOWLY = `
const child = require("node:child_process").spawn(process.argv[1], process.argv.slice(2), { stdio: ["pipe", "inherit", "inherit"] });
child.on("exit", code => process.exit(code ?? 1));
child.stdin.on("error", () => {});
(async () => {
  for await (const chunk of process.stdin)
    for (let at = 0; at < chunk.length; at += 65536) {
      child.stdin.write(chunk.subarray(at, at + 65536));
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  child.stdin.end();
})();
`;

const BAR = /Node to devbox \[.*\] [1-9][\d.]* MiB of [\d.]+ MiB, [\d.]+ MiB\/s, \d+s left/;

describeWithSshd('the progress of an upload', () => {
  let host: BareHost;
  let local: ExecClient;

  before(async () => {
    host = await startBareHost();
    local = await connect(localServer());
  });

  after(async () => {
    await local.close();
    await host.stop();
  });

  const start = (env: NodeJS.ProcessEnv, ...options: string[]) => {
    const args = ['run', '--ssh', 'devbox', ...options, '--', 'true'];
    return local.start({
      argv: [process.execPath, programPath, ...args],
      tty: { columns: 120, rows: 24 },
      env: { overlay: { ...(env as Record<string, string>), XDG_CACHE_HOME: join(CLIENT_CACHE, 'of-run') } },
    });
  };

  it('is shown on a terminal; Ctrl-C ends it and leaves nothing on the host', async () => {
    const account = host.account();
    const child = await start(account.env, '--ssh-command', `'${process.execPath}' -e '${SLOWLY}' ssh`);
    let screen = '';
    for await (const { chunk } of child.output) {
      screen += chunk;
      if (BAR.test(screen)) break;
    }
    expect(screen).to.match(BAR);
    await child.write('\x03');
    expect(await child.exit).to.include({ exitCode: 255 });
    const cache = join(account.home, '.cache/exec-server');
    await until(
      () => readdirSync(cache).every(name => !name.startsWith('.new-')),
      'an incomplete installation is left',
    );
    expect(readdirSync(join(cache, 'runtimes'))).to.deep.equal([]);
  });

  it('is not shown with --quiet', async () => {
    const child = await start(host.account().env, '--quiet');
    expect(String((await child.collect()).pty)).to.equal('');
    expect(await child.exit).to.include({ exitCode: 0 });
  });
});

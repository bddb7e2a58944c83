import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { commandServer, connect, type SessionEvent } from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import { programPath } from './support/program.ts';

describe('the environment of a session that is kept', () => {
  let home: string;

  before(() => {
    home = mkdtempSync(join(tmpdir(), 'exec-server-sessions-'));
  });

  after(() => rmSync(home, { recursive: true }));

  it('has the variables of the newest connection', async () => {
    // Each connection has another agent, the second one no display.
    writeFileSync(join(home, 'connections'), '');
    const script = `echo >> "$HOME/connections"; n=$(wc -l < "$HOME/connections")
      [ $n = 1 ] && export DISPLAY=:7
      export SSH_AUTH_SOCK=/agent.$((n)) SSH_TTY=/tty.$((n)) OTHER=$((n)); exec '${process.execPath}' '${programPath}' --stdio`;
    const events: SessionEvent[] = [];
    const client = await connect(commandServer(['/bin/sh', '-c', script]), {
      localEnv: { PATH: process.env.PATH, HOME: home, SHELL: '/bin/sh' },
      session: { keepMs: 60_000, onEvent: event => events.push(event) },
    });
    const variables = async (base: 'process' | 'login') => {
      const print = 'echo "$SSH_AUTH_SOCK $SSH_TTY [$DISPLAY] $OTHER"';
      const { stdout } = await client.exec('/bin/sh', ['-c', print], {
        env: { policy: { base, inherit: 'all' } },
      });
      return stdout;
    };
    expect(await variables('process')).to.equal('/agent.1 /tty.1 [:7] 1');
    // It has the agent of the login, and is cached.
    expect(await variables('login')).to.match(/^\/agent\.1 /);
    client.reconnect('cut by the test');
    await until(
      () => events.some(({ type }) => type === 'resumed'),
      () => JSON.stringify(events),
    );
    expect(await variables('process')).to.equal('/agent.2 /tty.2 [] 1');
    expect(await variables('login')).to.match(/^\/agent\.2 /);
    await client.close();
  });
});

import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { commandServer, localServer, sshServer } from '../../src/core/target.ts';

describe('localServer', () => {
  it('runs the program of this package with this Node', () => {
    const program = fileURLToPath(new URL('../../dist/exec-server.cjs', import.meta.url));
    expect(localServer()).to.deep.equal({
      argv: [process.execPath, program, '--stdio'],
      location: 'local',
      label: 'this machine',
    });
  });

  it('runs another program with the same option', () => {
    expect(localServer(['exec-server', '--title=x']).argv).to.deep.equal([
      'exec-server',
      '--title=x',
      '--stdio',
    ]);
  });
});

describe('sshServer', () => {
  it('requests no terminal, and passes the host after --', () => {
    expect(sshServer('me@devbox')).to.deep.equal({
      argv: ['ssh', '-T', '--', 'me@devbox'],
      shell: 'line',
      location: 'remote',
      label: 'me@devbox',
    });
  });

  it('refuses an empty host and an empty command', () => {
    for (const host of ['', ' ']) expect(() => sshServer(host)).to.throw(RangeError, 'host: expected');
    expect(() => sshServer('devbox', '')).to.throw(RangeError, 'command: expected');
  });

  it('passes a host that looks like an option as a host', () => {
    const { argv } = sshServer('-oProxyCommand=touch marker');
    expect(argv.slice(argv.indexOf('--'))).to.deep.equal(['--', '-oProxyCommand=touch marker']);
  });

  it('passes a command line for the shell unchanged', () => {
    const command = 'PATH="$HOME/bin:$PATH" exec exec-server --stdio';
    expect(sshServer('devbox', command).argv.at(-1)).to.equal(command);
  });
});

describe('sshServer with program and arguments', () => {
  it('quotes them for every shell', () => {
    expect(sshServer('devbox', ["/it's/exec-server", '--stdio']).argv.at(-1)).to.equal(
      "exec '/it'\\''s/exec-server' --stdio",
    );
  });

  it('refuses arguments that cannot be quoted', () => {
    expect(() => sshServer('devbox', ['-x'])).to.throw(RangeError, 'argv[0]');
  });
});

describe('commandServer', () => {
  it('runs the command unchanged, and uses it as the label', () => {
    expect(commandServer(['docker', 'exec', '-i', 'box', 'exec-server', '--stdio'])).to.deep.equal({
      argv: ['docker', 'exec', '-i', 'box', 'exec-server', '--stdio'],
      location: 'remote',
      label: 'docker exec -i box exec-server --stdio',
    });
  });

  it('accepts a label, env, cwd and a time limit', () => {
    const options = { label: 'box', env: { A: '1', B: null }, cwd: '/tmp', initializeTimeoutMs: 5 };
    expect(commandServer(['docker'], options)).to.deep.equal({
      argv: ['docker'],
      location: 'remote',
      ...options,
    });
  });
});

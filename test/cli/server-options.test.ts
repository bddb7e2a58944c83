import { expect } from 'chai';
import { Command } from 'commander';
import { addServerOptions, type ServerOptions, targetOf } from '../../src/cli/server-options.ts';
import { sshServer } from '../../src/core/index.ts';
import { errorOf, useCodexHome } from './support.ts';

/** Server that these options select; throws instead of ending the process. */
const targetFor = (...args: string[]) => {
  const command = addServerOptions(new Command('run'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parse(args, { from: 'user' });
  return targetOf(command, command.opts<ServerOptions>());
};

describe('targetOf', () => {
  it('is the running program by default', () => {
    expect(targetFor()).to.deep.equal({
      argv: [process.execPath, process.argv[1], '--stdio'],
      location: 'local',
      label: 'this machine',
    });
  });

  it('is an ssh host with --ssh', () => {
    expect(targetFor('--ssh', 'devbox')).to.deep.equal(sshServer('devbox'));
    expect(targetFor('--ssh', 'devbox', '--remote-command', 'bin/exec-server --stdio')).to.deep.equal(
      sshServer('devbox', 'bin/exec-server --stdio'),
    );
  });

  it('quotes the path of --remote-program for the remote shell', () => {
    expect(targetFor('--ssh', 'devbox', '--remote-program', '~/my bin/exec-server')).to.deep.equal(
      sshServer('devbox', ['~/my bin/exec-server', '--stdio']),
    );
  });

  it('is a shell command with --via, and labelled with it', () => {
    const via = 'docker exec -i "$BOX" exec-server --stdio';
    expect(targetFor('--via', via)).to.deep.equal({
      argv: ['/bin/sh', '-c', via],
      location: 'remote',
      label: via,
    });
  });

  for (const [option, ...others] of [
    ['--ssh <host>'],
    ['--via <command>'],
    ['--environment <id>'],
    ['--remote-command <command>', '--ssh', 'devbox'],
  ] as const) {
    it(`refuses an empty ${option}`, () => {
      const [name = ''] = option.split(' ');
      for (const value of ['', ' '])
        expect(errorOf(() => targetFor(...others, name, value))).to.equal(
          `error: option '${option}' argument '${value}' is invalid. Expected a value, received an empty one.`,
        );
    });
  }

  it('refuses --remote-command without --ssh', () => {
    const message = "error: option '--remote-command <command>' requires '--ssh <host>'";
    expect(errorOf(() => targetFor('--remote-command', 'x'))).to.equal(message);
    expect(errorOf(() => targetFor('--via', 'y', '--remote-command', 'x'))).to.equal(message);
  });
});

describe('targetOf with --environment', () => {
  const home = useCodexHome();
  const DEVBOX = '[[environments]]\nid = "devbox"\nprogram = "ssh"\nargs = ["devbox"]';

  it('is an entry of environments.toml', () => {
    home.write('environments.toml', DEVBOX);
    expect(targetFor('--environment', 'devbox')).to.deep.include({
      argv: ['ssh', 'devbox'],
      label: 'devbox',
    });
  });

  it('is an entry of the file of --environments-file', () => {
    const file = home.write('mine.toml', DEVBOX.replaceAll('devbox', 'other'));
    expect(targetFor('--environment', 'other', '--environments-file', file)).to.deep.include({
      label: 'other',
    });
  });

  it('is this machine for the id local', () => {
    expect(targetFor('--environment', 'local')).to.deep.equal(targetFor());
  });

  it('ignores the default of the file without the option', () => {
    home.write('environments.toml', `default = "devbox"\n${DEVBOX}`);
    expect(targetFor()).to.include({ label: 'this machine' });
  });

  it('refuses more than one server, and --environments-file without --environment', () => {
    for (const args of [
      ['--environment', 'a', '--ssh', 'a'],
      ['--environment', 'a', '--via', 'b'],
      ['--ssh', 'a', '--via', 'b'],
    ]) {
      expect(errorOf(() => targetFor(...args))).to.contain('cannot be used with');
    }
    expect(errorOf(() => targetFor('--environments-file', 'a'))).to.equal(
      "error: option '--environments-file <file>' requires '--environment <id>'",
    );
  });

  it('reports all errors of the file', () => {
    const file = home.write('environments.toml', 'a = 1\nb = 2');
    expect(errorOf(() => targetFor('--environment', 'local'))).to.equal(
      `error: ${file}:1:1: unknown key \`a\`\n${file}:2:1: unknown key \`b\``,
    );
  });
});

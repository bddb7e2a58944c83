import { expect } from 'chai';
import { shellAt, shellCommand, shellSnapshotOf } from '../../../src/core/unified-exec/shell-command.ts';

const argv = (path: string, login: boolean, platformOs = 'linux') =>
  shellCommand(shellAt(path, platformOs), 'a "b"', login);

describe('shellAt', () => {
  it('derives the name of a shell from its path', () => {
    expect(shellAt('/opt/local/bin/Fish', 'macos')).to.deep.equal({
      name: 'fish',
      path: '/opt/local/bin/Fish',
    });
    const path = 'C:\\Program Files\\PowerShell\\7\\pwsh.EXE';
    expect(shellAt(path, 'windows')).to.deep.equal({ name: 'pwsh', path });
    expect(shellAt('cmd', 'windows')).to.deep.equal({ name: 'cmd', path: 'cmd' });
  });
});

describe('shellCommand', () => {
  it('passes -c, or -lc for a login shell, to the shells that have snapshots', () => {
    for (const path of ['/bin/sh', '/bin/bash', '/usr/bin/zsh']) {
      expect(argv(path, false)).to.deep.equal([path, '-c', 'a "b"']);
      expect(argv(path, true)).to.deep.equal([path, '-lc', 'a "b"']);
    }
  });

  it('passes -c, or -l -c for a login shell, to other POSIX shells, fish and unknown ones', () => {
    for (const path of ['/bin/dash', '/usr/bin/fish', '/bin/other']) {
      expect(argv(path, false)).to.deep.equal([path, '-c', 'a "b"']);
      expect(argv(path, true)).to.deep.equal([path, '-l', '-c', 'a "b"']);
    }
  });

  it('makes the C shells source the login files, since their -l allows no other option', () => {
    expect(argv('/bin/tcsh', false)).to.deep.equal(['/bin/tcsh', '-c', 'a "b"']);
    expect(argv('/bin/csh', true)).to.deep.equal([
      '/bin/csh',
      '-c',
      'if (-r /etc/csh.login) source /etc/csh.login\nif (-r ~/.login) source ~/.login\na "b"',
    ]);
  });

  it('lets PowerShell read the profile only for a login shell', () => {
    expect(argv('C:\\pwsh.exe', false, 'windows')).to.deep.equal([
      'C:\\pwsh.exe',
      '-NoProfile',
      '-Command',
      'a "b"',
    ]);
    expect(argv('powershell', true, 'windows')).to.deep.equal(['powershell', '-Command', 'a "b"']);
  });

  it('passes a command line to cmd by /c', () => {
    const path = 'C:\\Windows\\System32\\cmd.exe';
    expect(argv(path, true, 'windows')).to.deep.equal([path, '/c', 'a "b"']);
  });
});

describe('shellSnapshotOf', () => {
  const bash = shellAt('/bin/bash', 'linux');
  const able = { shellSnapshotV2: true };

  it('requests a snapshot of bash, zsh and sh where the server makes them', () => {
    expect(shellSnapshotOf(bash, 'scope', able)).to.deep.equal({ scopeId: 'scope', shell: bash });
    expect(shellSnapshotOf(bash, 'scope', {})).to.equal(undefined);
    expect(shellSnapshotOf(shellAt('/bin/fish', 'linux'), 'scope', able)).to.equal(undefined);
  });

  it('names the shell without the other fields of the environment', () => {
    const described = { ...bash, insteadOf: { path: '/bin/false', reason: 'runs no commands' } };
    expect(shellSnapshotOf(described, 'scope', able)?.shell).to.deep.equal(bash);
  });
});

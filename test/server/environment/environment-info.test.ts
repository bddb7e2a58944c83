import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { capabilities, EnvironmentInfo } from '../../../src/protocol/environment.ts';
import { version } from '../../../src/protocol/version.ts';
import { describeHost } from '../../../src/server/environment/environment-info.ts';
import type { Host } from '../../../src/server/environment/host.ts';
import { ptyUnavailable } from '../../../src/server/process/pty/pty-binding.ts';

const host: Host = {
  env: { API_KEY: 'planted', HOME: '/elsewhere' },
  platform: 'linux',
  cwd: '/srv/my project',
  homeDir: '/home/me',
  tempDir: '/tmp',
  shell: { name: 'zsh', path: '/usr/bin/zsh' },
  loginShell: '/bin/bash',
};

describe('the capabilities', () => {
  it('are those that the protocol declares and docs/protocol.md lists', () => {
    const announced = Object.keys(describeHost(host, true).capabilities).sort();
    const page = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
    const [, table = ''] = /\n### Capabilities\n(.*?)\n#/s.exec(page) ?? [];
    const listed = Array.from(table.matchAll(/^\| `(\w+)` /gm), ([, name]) => name).sort();
    expect({ declared: Object.keys(capabilities().shape).sort(), listed }).to.deep.equal({
      declared: announced,
      listed: announced,
    });
  });
});

describe('describeHost', () => {
  it('returns every path as a URI', () => {
    expect(describeHost(host, true)).to.deep.equal({
      shell: { name: 'zsh', path: '/usr/bin/zsh' },
      executorVersion: version,
      providerId: `exec-server/${version}`,
      cwd: 'file:///srv/my%20project',
      userHomeDir: 'file:///home/me',
      platformOs: 'linux',
      tempDir: 'file:///tmp',
      temporaryDirectories: ['file:///tmp'],
      prependPathDirs: [],
      capabilities: {
        tty: ptyUnavailable() === undefined,
        sandbox: true,
        watchdog: true,
        secretValues: true,
        environmentConfigRead: true,
        fsWatchMissing: true,
        fileWriteStreaming: true,
        fileWriteAtomic: true,
        sandboxedFileStreaming: true,
        httpHeaderEnvVars: true,
        shellSnapshotV2: true,
      },
    });
  });

  it('uses the platform names of the protocol, and those of Node for others', () => {
    const platforms = ['linux', 'darwin', 'win32', 'freebsd'] as const;
    const paths = { cwd: 'C:\\', homeDir: 'C:\\', tempDir: 'C:\\' };
    expect(
      platforms.map(platform => describeHost({ ...host, ...paths, platform }, true).platformOs),
    ).to.deep.equal(['linux', 'macos', 'windows', 'freebsd']);
  });

  it('returns Windows paths as URIs', () => {
    const { cwd, userHomeDir, tempDir } = describeHost(
      {
        ...host,
        platform: 'win32',
        cwd: 'C:\\Program Files\\x',
        homeDir: '\\\\server\\homes\\me',
        tempDir: 'D:\\temp',
      },
      true,
    );
    expect({ cwd, userHomeDir, tempDir }).to.deep.equal({
      cwd: 'file:///C:/Program%20Files/x',
      userHomeDir: 'file://server/homes/me',
      tempDir: 'file:///D:/temp',
    });
  });

  it('matches its schema and has no variable of the environment', () => {
    const described = describeHost(host, true);
    expect(EnvironmentInfo.parse(described)).to.deep.equal(described);
    expect(JSON.stringify(described)).not.to.match(/planted|elsewhere/);
  });
});

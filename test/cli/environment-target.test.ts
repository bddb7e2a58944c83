import { expect } from 'chai';
import { environmentTarget } from '../../src/cli/environment-target.ts';
import { parseEnvironments } from '../../src/codex-config/index.ts';

const config = (...lines: string[]) =>
  parseEnvironments(
    ['[[environments]]', 'id = "devbox"', ...lines].join('\n'),
    '/home/me/.codex/environments.toml',
  );

describe('environmentTarget', () => {
  it('runs the program of the entry and is labelled with its id', () => {
    const lines = [
      'program = "ssh"',
      'args = ["-T", "a b"]',
      'env.A = "1"',
      'cwd = "/work"',
      'initialize_timeout_sec = 2',
    ];
    expect(environmentTarget(config(...lines), 'devbox')).to.deep.equal({
      argv: ['ssh', '-T', 'a b'],
      location: 'remote',
      label: 'devbox',
      env: { A: '1' },
      cwd: '/work',
      initializeTimeoutMs: 2000,
    });
  });

  for (const [cwd, directory] of [
    ['hosts/a', '/home/me/.codex/hosts/a'],
    ['..', '/home/me'],
    ['', '/home/me/.codex'],
  ] as const) {
    it(`resolves the cwd ${JSON.stringify(cwd)} against the directory of the file`, () => {
      const target = environmentTarget(config('program = "ssh"', `cwd = "${cwd}"`), 'devbox');
      expect(target?.cwd).to.equal(directory);
    });
  }

  it('has no cwd if the entry has none', () => {
    expect(environmentTarget(config('program = "ssh"'), 'devbox')?.cwd).to.equal(undefined);
  });

  it('is undefined for this machine', () => {
    expect(environmentTarget(config('program = "ssh"'), 'local')).to.equal(undefined);
  });
});

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readEnvironments, readShellPolicy } from '../../src/cli/config-files.ts';
import { ConfigError, MAX_CONFIG_LENGTH } from '../../src/codex-config/index.ts';
import { useCodexHome } from './support.ts';

const complaint = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('no complaint');
};

const ENTRY = '[[environments]]\nid = "a"\nprogram = "x"';

describe('readEnvironments', () => {
  const home = useCodexHome();

  it('reads environments.toml in CODEX_HOME', () => {
    const file = home.write('environments.toml', ENTRY);
    const { list, ...rest } = readEnvironments(undefined);
    expect({ ...rest, ids: list.map(({ id }) => id) }).to.deep.equal({
      file,
      default: 'local',
      ids: ['local', 'a'],
    });
  });

  it('reads another file that is named', () => {
    home.write('environments.toml', ENTRY);
    const file = home.write('mine.toml', 'include_local = false');
    expect(readEnvironments(file)).to.deep.equal({ file, list: [], default: undefined });
  });

  it('takes a missing file for an empty one, but not one that is named', () => {
    const file = home.path('environments.toml');
    expect(readEnvironments(undefined)).to.deep.equal({
      file,
      list: [{ kind: 'local', id: 'local' }],
      default: 'local',
    });
    expect(complaint(() => readEnvironments(file))).to.equal(
      `${file}: can't be read: no such file or directory`,
    );
  });

  it('takes a missing CODEX_HOME for an empty one', () => {
    process.env.CODEX_HOME = home.path('none');
    expect(readEnvironments(undefined).default).to.equal('local');
  });

  it('looks into ~/.codex without a CODEX_HOME, or with an empty one', () => {
    const own = process.env.HOME;
    try {
      process.env.HOME = home.path('me');
      mkdirSync(home.path('me/.codex'), { recursive: true });
      const file = home.write('me/.codex/environments.toml', ENTRY);
      for (const value of [undefined, '']) {
        if (value === undefined) delete process.env.CODEX_HOME;
        else process.env.CODEX_HOME = value;
        expect(readEnvironments(undefined))
          .to.include({ file })
          .and.to.have.property('list')
          .with.lengthOf(2);
      }
    } finally {
      if (own === undefined) delete process.env.HOME;
      else process.env.HOME = own;
    }
  });

  it('says in words why a file is unreadable', () => {
    const file = home.write('file', '');
    expect(complaint(() => readEnvironments(home.path('.')))).to.match(
      /: can't be read: illegal operation on a directory$/,
    );
    expect(complaint(() => readEnvironments(join(file, 'below')))).to.equal(
      `${file}/below: can't be read: not a directory`,
    );
  });

  it('does not take an unreadable file for a missing one', function () {
    // Root may read everything.
    if (process.getuid?.() === 0) return this.skip();
    const file = home.write('environments.toml', ENTRY);
    chmodSync(file, 0);
    expect(complaint(() => readEnvironments(undefined))).to.equal(
      `${file}: can't be read: permission denied`,
    );
  });

  it('refuses what is no text', () => {
    const file = home.write('environments.toml', Buffer.from([0x23, 0xff]));
    expect(complaint(() => readEnvironments(undefined))).to.equal(`${file}: can't be read: it is not UTF-8`);
  });

  it('refuses what is too long, without reading it to its end', () => {
    const file = home.write('environments.toml', `#${' '.repeat(MAX_CONFIG_LENGTH - 1)}`);
    expect(readEnvironments(undefined).default).to.equal('local');
    writeFileSync(file, ' ', { flag: 'a' });
    const tooLong = `can't be read: it has more than ${MAX_CONFIG_LENGTH} bytes`;
    expect(complaint(() => readEnvironments(undefined))).to.equal(`${file}: ${tooLong}`);
    expect(complaint(() => readEnvironments('/dev/zero'))).to.equal(`/dev/zero: ${tooLong}`);
  });

  it('passes over a byte order mark', () => {
    home.write('environments.toml', `\ufeff${ENTRY}`);
    expect(readEnvironments(undefined).list).to.have.lengthOf(2);
  });
});

describe('readShellPolicy', () => {
  const home = useCodexHome();

  it('reads config.toml in CODEX_HOME, or another file that is named', () => {
    home.write('config.toml', 'model = "x"\n[shell_environment_policy]\ninherit = "core"');
    const other = home.write('other.toml', '[shell_environment_policy]\ninherit = "none"');
    expect([readShellPolicy(undefined), readShellPolicy(other)]).to.deep.equal([
      { inherit: 'core' },
      { inherit: 'none' },
    ]);
  });

  it('finds no policy where there is no file, unless one is named', () => {
    const file = home.path('config.toml');
    expect(readShellPolicy(undefined)).to.equal(undefined);
    expect(complaint(() => readShellPolicy(file))).to.equal(
      `${file}: can't be read: no such file or directory`,
    );
  });

  it('reads what another program writes into a pipe', () => {
    const folder = mkdtempSync(join(tmpdir(), 'exec-server-'));
    try {
      const pipe = join(folder, 'pipe');
      spawnSync('mkfifo', [pipe]);
      // Written by a process of its own: opening a pipe waits for the other side.
      spawnSync(
        'sh',
        ['-c', '(echo "[shell_environment_policy]"; echo "inherit = \'none\'") > "$0" &', pipe],
        {
          stdio: 'ignore',
        },
      );
      expect(readShellPolicy(pipe)).to.deep.equal({ inherit: 'none' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

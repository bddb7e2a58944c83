import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readEnvironments, readShellPolicy } from '../../src/cli/config-files.ts';
import { MAX_CONFIG_LENGTH } from '../../src/codex-config/index.ts';
import { errorOf, useCodexHome } from './support.ts';

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

  it('reads a named file instead', () => {
    home.write('environments.toml', ENTRY);
    const file = home.write('mine.toml', 'include_local = false');
    expect(readEnvironments(file)).to.deep.equal({ file, list: [], default: undefined });
  });

  it('treats a missing default file as empty, but refuses a missing named file', () => {
    const file = home.path('environments.toml');
    expect(readEnvironments(undefined)).to.deep.equal({
      file,
      list: [{ kind: 'local', id: 'local' }],
      default: 'local',
    });
    expect(errorOf(() => readEnvironments(file))).to.equal(
      `${file}: cannot be read: no such file or directory`,
    );
  });

  it('treats a missing CODEX_HOME directory as empty', () => {
    process.env.CODEX_HOME = home.path('none');
    expect(readEnvironments(undefined).default).to.equal('local');
  });

  it('reads ~/.codex if CODEX_HOME is not set or empty', () => {
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

  it('reports in words why a file cannot be read', () => {
    const file = home.write('file', '');
    expect(errorOf(() => readEnvironments(home.path('.')))).to.match(
      /: cannot be read: illegal operation on a directory$/,
    );
    expect(errorOf(() => readEnvironments(join(file, 'below')))).to.equal(
      `${file}/below: cannot be read: not a directory`,
    );
  });

  it('does not treat an unreadable file as missing', function () {
    // Root can read everything.
    if (process.getuid?.() === 0) return this.skip();
    const file = home.write('environments.toml', ENTRY);
    chmodSync(file, 0);
    expect(errorOf(() => readEnvironments(undefined))).to.equal(`${file}: cannot be read: permission denied`);
  });

  it('refuses a file that is not UTF-8', () => {
    const file = home.write('environments.toml', Buffer.from([0x23, 0xff]));
    expect(errorOf(() => readEnvironments(undefined))).to.equal(`${file}: cannot be read: it is not UTF-8`);
  });

  it('refuses a file that is too long, without reading all of it', () => {
    const file = home.write('environments.toml', `#${' '.repeat(MAX_CONFIG_LENGTH - 1)}`);
    expect(readEnvironments(undefined).default).to.equal('local');
    writeFileSync(file, ' ', { flag: 'a' });
    const tooLong = `cannot be read: it is longer than ${MAX_CONFIG_LENGTH} bytes`;
    expect(errorOf(() => readEnvironments(undefined))).to.equal(`${file}: ${tooLong}`);
    expect(errorOf(() => readEnvironments('/dev/zero'))).to.equal(`/dev/zero: ${tooLong}`);
  });

  it('refuses a default file that is a FIFO or a device without waiting for it', function () {
    if (process.platform === 'win32') return this.skip();
    const file = home.path('environments.toml');
    spawnSync('mkfifo', [file]);
    const refusal = (kind: string) => `${file}: cannot be read: expected a regular file, found ${kind}`;
    expect(errorOf(() => readEnvironments(undefined))).to.equal(refusal('a FIFO'));
    rmSync(file);
    symlinkSync('/dev/zero', file);
    expect(errorOf(() => readEnvironments(undefined))).to.equal(refusal('a device'));
  });

  it('ignores a byte order mark', () => {
    home.write('environments.toml', `\ufeff${ENTRY}`);
    expect(readEnvironments(undefined).list).to.have.lengthOf(2);
  });
});

describe('readShellPolicy', () => {
  const home = useCodexHome();

  it('reads config.toml in CODEX_HOME, or a named file', () => {
    const file = home.write('config.toml', 'model = "x"\n[shell_environment_policy]\ninherit = "core"');
    const other = home.write('other.toml', '[shell_environment_policy]\ninherit = "none"');
    expect([readShellPolicy(undefined), readShellPolicy(other)]).to.deep.equal([
      { file, fields: { inherit: 'core', ignoreDefaultExcludes: true } },
      { file: other, fields: { inherit: 'none', ignoreDefaultExcludes: true } },
    ]);
  });

  it('returns no policy if the default file is missing, but refuses a missing named file', () => {
    const file = home.path('config.toml');
    expect(readShellPolicy(undefined)).to.equal(undefined);
    expect(errorOf(() => readShellPolicy(file))).to.equal(
      `${file}: cannot be read: no such file or directory`,
    );
  });

  it('reads a named pipe', () => {
    const folder = mkdtempSync(join(tmpdir(), 'exec-server-'));
    try {
      const pipe = join(folder, 'pipe');
      spawnSync('mkfifo', [pipe]);
      // A separate process writes it: opening a pipe waits for the other side.
      spawnSync(
        'sh',
        ['-c', '(echo "[shell_environment_policy]"; echo "inherit = \'none\'") > "$0" &', pipe],
        {
          stdio: 'ignore',
        },
      );
      expect(readShellPolicy(pipe)?.fields).to.deep.equal({ inherit: 'none', ignoreDefaultExcludes: true });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

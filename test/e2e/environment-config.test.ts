import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';

describe('environmentConfig/read', () => {
  let home: string;
  let client: RawClient;

  beforeEach(() => {
    home = realpathSync(mkdtempSync(join(tmpdir(), 'environment-config-')));
    mkdirSync(join(home, '.codex'));
  });

  afterEach(async () => {
    await client.close();
    rmSync(home, { recursive: true });
  });

  const uri = (...path: string[]) => String(pathToFileURL(join(home, ...path)));
  const open = async (env: NodeJS.ProcessEnv = {}, program = programPath) => {
    client = await RawClient.open({
      env: { PATH: process.env.PATH, HOME: home, ...env },
      argv: [process.execPath, program, '--stdio'],
    });
  };
  const read = (configPaths: string[][], requirementsPaths: string[][] = []) =>
    client.ask('environmentConfig/read', { cwd: uri(), configPaths, requirementsPaths });

  it('returns the configuration of the user at the requested paths', async () => {
    writeFileSync(join(home, '.codex/config.toml'), 'model = "m"\nsecret = "planted"\n[a.b]\nc = [1, 2]\n');
    await open();
    const { result } = await read([['a'], ['model'], ['nope']]);
    expect(result).to.deep.include({
      userHomeDir: uri(),
      codexHomeDir: uri('.codex'),
      hostname: hostname(),
    });
    expect(result.config.layers.at(-1)).to.deep.equal({
      source: `user (${join(home, '.codex/config.toml')})`,
      baseDir: uri('.codex'),
      toml: 'a = { b = { c = [1, 2] } }\nmodel = "m"\n',
    });
  });

  it('reads CODEX_HOME and returns no layer for a missing value', async () => {
    mkdirSync(join(home, 'elsewhere'));
    await open({ CODEX_HOME: join(home, 'elsewhere') });
    const { result } = await read([['no-such-key']], [['no-such-key']]);
    expect(result).to.deep.include({
      codexHomeDir: uri('elsewhere'),
      config: { layers: [], cloudInsertionIndex: 0 },
      requirements: { layers: [], cloudInsertionIndex: 0 },
    });
  });

  it('names the file and position of invalid TOML, and no value', async () => {
    writeFileSync(join(home, '.codex/config.toml'), 'model = "m"\nsecret = "planted');
    await open();
    const { error } = await read([['model']]);
    expect(error).to.deep.include({ code: -32603, data: { kind: 'configInvalid' } });
    expect(error?.message)
      .to.contain(`${join(home, '.codex/config.toml')}:2:`)
      .and.not.contain('planted');
  });

  it('reports a file that cannot be read', async () => {
    mkdirSync(join(home, '.codex/config.toml'));
    await open();
    const { error } = await read([['model']]);
    expect(error?.data).to.include({ kind: 'fileRefused', reason: 'notAFile' });
  });

  (process.platform === 'win32' ? it.skip : it)('does not wait for the writer of a FIFO', async () => {
    const config = join(home, '.codex/config.toml');
    execFileSync('mkfifo', [config]);
    await open();
    // One more than the thread pool has threads: none may block.
    for (let round = 0; round <= 4; round += 1) {
      const { error } = await read([['model']]);
      expect(error?.message).to.equal(`${config}: expected a regular file, found a FIFO`);
    }
  });

  it('refuses a file longer than the limit', async () => {
    const config = join(home, '.codex/config.toml');
    writeFileSync(config, '');
    truncateSync(config, 16 * 1024 * 1024 + 1);
    await open();
    expect((await read([['model']])).error?.data).to.include({ kind: 'limitExceeded', limit: 'configBytes' });
  });

  it('requires at least one path, with at least one key each', async () => {
    await open();
    expect((await read([])).error?.data).to.deep.equal({ kind: 'invalidParams', field: 'configPaths' });
    expect((await read([[]])).error?.data).to.deep.equal({ kind: 'invalidParams', field: 'configPaths[0]' });
    const many = Array.from({ length: 257 }, () => ['a']);
    expect((await read(many)).error?.message).to.match(/^configPaths: expected at most 256 entries/);
  });

  it('is refused with the reason if exec-server-config.cjs is missing', async () => {
    copyFileSync(programPath, join(home, 'alone.cjs'));
    await open({}, join(home, 'alone.cjs'));
    expect((await read([['model']])).error).to.deep.equal({
      code: -32600,
      message:
        'environmentConfig/read: this is the standalone server: exec-server-config.cjs is not in the same directory',
      data: { kind: 'unsupported', field: 'environmentConfig/read' },
    });
  });
});

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { buildEnv, type Env } from '../../src/shared-config/index.ts';
import { type FileChecks, findProgram } from '../../src/system/find-program.ts';

/** A simulated Windows disk with these files; names are not case-sensitive. */
const disk = (...paths: string[]): FileChecks => {
  const known = new Set(paths.map(path => path.toLowerCase()));
  const has = (path: string) => known.has(path.toLowerCase());
  return { exists: has, isFile: path => has(path) && !path.endsWith('\\dir'), isExecutable: () => false };
};

const onWindows = (program: string, env: Env, ...files: string[]) =>
  findProgram({ argv: [program], cwd: 'C:\\work', env, platform: 'win32' }, disk(...files));

describe('findProgram on Windows', () => {
  const env = { Path: 'C:\\bin;D:\\my tools', PATHEXT: '.COM;.EXE;.BAT;.CMD' };

  it('finds a bare name by the extensions of PATHEXT, in the order of PATH', () => {
    expect(onWindows('npm', env, 'D:\\my tools\\npm.exe', 'C:\\bin\\npm.cmd')).to.deep.equal({
      executable: 'C:\\bin\\npm.CMD',
      existing: 'C:\\bin\\npm.CMD',
      searchedPath: ['C:\\bin', 'D:\\my tools'],
    });
  });

  it('finds npm by its bare name in the environment of inherit: core', () => {
    const child = buildEnv({
      base: { path: 'C:\\nodejs', PathExt: '.EXE;.CMD', NPM_TOKEN: 'planted', SystemRoot: 'C:\\Windows' },
      policy: { inherit: 'core' },
      platform: 'windows',
    });
    expect(onWindows('npm', child, 'C:\\nodejs\\npm', 'C:\\nodejs\\npm.cmd').executable).to.equal(
      'C:\\nodejs\\npm.CMD',
    );
  });

  it("uses the child's PATHEXT, in its order, with its name in upper or lower case", () => {
    const files = ['C:\\bin\\tool.exe', 'C:\\bin\\tool.py'];
    const found = (pathExt: string) =>
      onWindows('tool', { PATH: 'C:\\bin', PathExt: pathExt }, ...files).executable;
    expect([found('.PY;.EXE'), found('.exe'), found('.JS'), found('')]).to.deep.equal([
      'C:\\bin\\tool.PY',
      'C:\\bin\\tool.exe',
      undefined,
      'C:\\bin\\tool.EXE',
    ]);
  });

  it('uses the default extensions if the child has no PATHEXT', () => {
    expect(onWindows('tool', { PATH: 'C:\\bin' }, 'C:\\bin\\tool.bat').executable).to.equal(
      'C:\\bin\\tool.BAT',
    );
  });

  it('tries a name with an extension first as it is, then with an added extension', () => {
    expect(onWindows('tool.exe', env, 'C:\\bin\\tool.exe').executable).to.equal('C:\\bin\\tool.exe');
    expect(onWindows('tool.v2', env, 'C:\\bin\\tool.v2.exe').executable).to.equal('C:\\bin\\tool.v2.EXE');
  });

  it('searches the directory of the child first', () => {
    expect(onWindows('tool', env, 'C:\\work\\tool.cmd', 'C:\\bin\\tool.exe').executable).to.equal(
      'C:\\work\\tool.CMD',
    );
  });

  it('resolves a name with a path from the directory of the child, with extensions', () => {
    expect(onWindows('.\\bin\\tool', env, 'C:\\work\\bin\\tool.exe')).to.deep.equal({
      executable: 'C:\\work\\bin\\tool.EXE',
      existing: 'C:\\work\\bin\\tool.EXE',
      searchedPath: undefined,
    });
  });

  it('reports a script without an extension as existing, but not executable', () => {
    expect(onWindows('tool', env, 'C:\\bin\\tool')).to.deep.include({
      executable: undefined,
      existing: 'C:\\bin\\tool',
    });
  });

  it('skips a directory of the same name', () => {
    const files: FileChecks = {
      exists: () => true,
      isFile: path => path.startsWith('D:'),
      isExecutable: () => true,
    };
    const search = { argv: ['tool'], cwd: 'C:\\work', env, platform: 'win32' } as const;
    expect(findProgram(search, files).executable).to.equal('D:\\my tools\\tool.COM');
  });

  it('finds nothing without a PATH', () => {
    expect(onWindows('tool', {})).to.deep.equal({
      executable: undefined,
      existing: undefined,
      searchedPath: [],
    });
  });
});

describe('findProgram on POSIX', () => {
  let directory: string;

  before(function () {
    if (process.platform === 'win32') this.skip();
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-')));
    for (const name of ['a', 'b']) mkdirSync(join(directory, name));
    mkdirSync(join(directory, 'a/tool'));
    writeFileSync(join(directory, 'b/tool'), '');
    writeFileSync(join(directory, 'b/tool.EXE'), '');
    chmodSync(join(directory, 'b/tool'), 0o755);
  });

  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  it('finds the first executable file, skips a directory of the same name, and adds no extension', () => {
    const env = { PATH: 'a:b', PATHEXT: '.EXE' };
    const search = { argv: ['tool'], cwd: directory, env, platform: process.platform } as const;
    expect(findProgram(search)).to.deep.equal({
      executable: join(directory, 'b/tool'),
      existing: join(directory, 'a/tool'),
      searchedPath: ['a', 'b'],
    });
  });

  it('searches the directory of the child only if it is in PATH', () => {
    const inB = { argv: ['tool'], cwd: join(directory, 'b'), platform: process.platform } as const;
    expect(findProgram({ ...inB, env: { PATH: '/no/such' } }).existing).to.equal(undefined);
    expect(findProgram({ ...inB, env: { PATH: '/no/such:' } }).existing).to.equal(join(directory, 'b/tool'));
  });
});

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { launchDirectoryProblem } from '../../src/core/launch-directory.ts';

describe('launchDirectoryProblem', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'exec-server-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('has nothing against a directory', () => {
    expect(launchDirectoryProblem(folder)).to.equal(undefined);
  });

  it('tells what is wrong, in words', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    chmodSync(file, 0o755);
    expect([join(folder, 'none'), join(file, 'below'), file].map(launchDirectoryProblem)).to.deep.equal([
      `the directory to run in, ${folder}/none, can't be entered: no such file or directory`,
      `the directory to run in, ${file}/below, can't be entered: not a directory`,
      `the directory to run in, ${file}, is a file`,
    ]);
  });

  it('tells of a directory that may not be entered', function () {
    // Root may.
    if (process.getuid?.() === 0) return this.skip();
    const locked = join(folder, 'locked');
    mkdirSync(locked, { mode: 0o600 });
    expect(launchDirectoryProblem(locked)).to.equal(
      `the directory to run in, ${locked}, can't be entered: permission denied`,
    );
  });
});

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

  it('returns undefined for a directory', () => {
    expect(launchDirectoryProblem(folder)).to.equal(undefined);
  });

  it('returns the reason for a missing path and for a file', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    chmodSync(file, 0o755);
    expect([join(folder, 'none'), join(file, 'below'), file].map(launchDirectoryProblem)).to.deep.equal([
      `cannot enter the working directory ${folder}/none: no such file or directory`,
      `cannot enter the working directory ${file}/below: not a directory`,
      `the working directory ${file} is a file`,
    ]);
  });

  it('returns the reason for a directory without permission', function () {
    // root has the permission.
    if (process.getuid?.() === 0) return this.skip();
    const locked = join(folder, 'locked');
    mkdirSync(locked, { mode: 0o600 });
    expect(launchDirectoryProblem(locked)).to.equal(
      `cannot enter the working directory ${locked}: permission denied`,
    );
  });
});

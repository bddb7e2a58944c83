import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { programPath } from './support/program.ts';

describe('the code that V8 made of the program', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'exec-server-cache-'));
  });

  afterEach(() => rmSync(home, { recursive: true }));

  /** A start to an end; what it says must not depend on any cache. */
  const start = (env: NodeJS.ProcessEnv = {}) => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"environment/info"}';
    const { status, stdout, stderr } = spawnSync(process.execPath, [programPath, '--stdio'], {
      env: { HOME: home, PATH: process.env.PATH, ...env },
      input: `Content-Length: ${body.length}\r\n\r\n${body}`,
    });
    expect({ status, stderr: String(stderr) }).to.deep.equal({ status: 0, stderr: '' });
    expect(String(stdout)).to.contain('"kind":"notInitialized"');
  };

  const directory = () => join(home, '.cache/exec-server');
  const cached = () =>
    readdirSync(directory()).map(name => {
      const { ino, size } = statSync(join(directory(), name));
      return { name, ino, size };
    });

  it('is kept by the first start and used, not made again, by the next ones', () => {
    start();
    const kept = cached();
    // Of what gives the first answer, and of the rest.
    expect(kept).to.have.lengthOf(2);
    start();
    start();
    expect(cached()).to.deep.equal(kept);
  });

  it('is made again when what was kept is of no use', () => {
    start();
    const sizes = cached().map(({ size }) => size);
    for (const { name } of cached()) truncateSync(join(directory(), name), 10);
    start();
    for (const [at, { size }] of cached().entries()) expect(size).to.be.above((sizes[at] as number) / 2);
  });

  it('is not kept without a HOME, or when it is not wanted', () => {
    start({ HOME: undefined });
    start({ NODE_DISABLE_COMPILE_CACHE: '1' });
    expect(readdirSync(home)).to.deep.equal([]);
  });

  it('is done without where it can not be kept', () => {
    mkdirSync(join(home, '.cache'));
    mkdirSync(join(home, '.cache/exec-server'), { mode: 0o500 });
    start();
    start();
  });
});

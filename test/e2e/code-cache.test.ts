import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { NOBODY_UID } from '../support/accounts.ts';
import { makeOwnDirectory } from '../support/own-directory.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { entry, requireSandbox, sandboxOf } from './support/sandboxes.ts';

const asRoot = process.getuid?.() === 0;

describe('the code cache of the program', () => {
  let root: string;
  let directory: string;
  let home: string;
  let program: string;

  beforeEach(function () {
    root = makeOwnDirectory(this);
    directory = join(root, 'dist');
    home = join(root, 'home');
    mkdirSync(directory, { mode: 0o755 });
    mkdirSync(home);
    program = join(directory, 'exec-server.cjs');
    cpSync(programPath, program);
  });

  afterEach(() => rmSync(root, { recursive: true }));

  const BODY = '{"jsonrpc":"2.0","id":1,"method":"environment/info"}';
  const INPUT = `Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

  const argv = () => [program, '--stdio'];
  const envWith = (more: NodeJS.ProcessEnv) => ({ HOME: home, PATH: process.env.PATH, ...more });

  /** Runs the program until it exits. The answer must not depend on the cache. */
  const start = (more: NodeJS.ProcessEnv = {}) => {
    const options = { env: envWith(more), input: INPUT };
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, argv(), options);
    expect({ status, signal, stderr: String(stderr) }).to.deep.equal({ status: 0, signal: null, stderr: '' });
    expect(String(stdout)).to.contain('"kind":"notInitialized"');
  };

  const cached = () =>
    readdirSync(directory)
      .filter(name => name !== basename(program))
      .map(name => join(directory, name));
  const states = () =>
    cached().map(path => {
      const { ino, size } = statSync(path);
      return { path, ino, size };
    });
  const onlyFile = (): string => {
    const [path = '', ...others] = cached();
    expect(others).to.deep.equal([]);
    return path;
  };

  it('is written next to the program by the first start and used unchanged by later ones', () => {
    start();
    const before = states();
    expect(before).to.have.lengthOf(1);
    start();
    start();
    expect(states()).to.deep.equal(before);
  });

  it('is written again after a change of any byte, and the start succeeds', () => {
    start();
    const path = onlyFile();
    const good = readFileSync(path);
    // In the digest, the key, the header of V8 and the code; the same bytes in every run.
    const places = [0, 31, 32, 63, 64, 70, 90, good.length - 1];
    for (let at = 1; at <= 24; at += 1) places.push(Math.floor(good.length * ((at * 0.618_034) % 1)));
    for (const at of places) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ (1 << (at % 8)), at);
      writeFileSync(path, bad);
      start();
      const made = readFileSync(path);
      expect(made.equals(bad), `byte ${at}`).to.equal(false);
      expect(made.length, `byte ${at}`).to.be.above(good.length / 2);
    }
    expect(cached()).to.deep.equal([path]);
  });

  it('is written again after truncation at any place', () => {
    start();
    const path = onlyFile();
    const { size } = statSync(path);
    for (const cut of [0, 1, 31, 63, 64, 65, 100, Math.floor(size / 2), size - 1]) {
      truncateSync(path, cut);
      start();
      expect(statSync(path).size, `cut to ${cut}`).to.be.above(size / 2);
    }
  });

  it('is complete after several concurrent first starts', async () => {
    const ends = Array.from({ length: 4 }, () => {
      const server = spawn(process.execPath, argv(), {
        env: envWith({}),
        stdio: ['pipe', 'ignore', 'inherit'],
      });
      server.stdin?.end(INPUT);
      return once(server, 'close');
    });
    for (const end of ends) expect(await end).to.deep.equal([0, null]);
    const before = states();
    expect(before).to.have.lengthOf(1);
    start();
    expect(states()).to.deep.equal(before);
  });

  it('is neither read nor written through a link', () => {
    start();
    const path = onlyFile();
    const target = join(root, 'target');
    cpSync(path, target);
    rmSync(path);
    symlinkSync(target, path);
    const before = readFileSync(target);
    start();
    expect(lstatSync(path).isFile()).to.equal(true);
    expect(readFileSync(target).equals(before)).to.equal(true);
  });

  it('is neither read nor written in a directory that other users can write to', () => {
    start();
    const before = states();
    truncateSync(onlyFile(), 100);
    for (const mode of [0o775, 0o757, 0o1777]) {
      chmodSync(directory, mode);
      start();
      chmodSync(directory, 0o755);
      chmodSync(root, mode);
      start();
      chmodSync(root, 0o755);
    }
    expect(states()).to.deep.equal(before.map(state => ({ ...state, size: 100 })));
  });

  (asRoot ? it : it.skip)('is neither read nor written where another user owns the directory', () => {
    chownSync(directory, NOBODY_UID, NOBODY_UID);
    start();
    expect(cached()).to.deep.equal([]);
  });

  it('is not written in a read-only directory or when disabled', () => {
    start({ NODE_DISABLE_COMPILE_CACHE: '1' });
    expect(cached()).to.deep.equal([]);
    if (asRoot) return;
    chmodSync(directory, 0o555);
    start();
    expect(cached()).to.deep.equal([]);
  });

  it('is written in no home directory, be it of another user or missing', () => {
    if (asRoot) chownSync(home, NOBODY_UID, NOBODY_UID);
    start();
    start({ XDG_CACHE_HOME: join(home, 'cache') });
    expect(readdirSync(home)).to.deep.equal([]);
    const missing = join(root, 'missing');
    start({ HOME: join(missing, 'home') });
    expect(existsSync(missing)).to.equal(false);
  });

  it('is not written by the sandboxed file server, even with write access to all paths', async function () {
    requireSandbox(this);
    const exists = () => lstatSync('/.cache', { throwIfNoEntry: false }) !== undefined;
    const before = exists();
    // Disables the cache of the server outside of the sandbox; the one inside does not inherit the variable.
    const env = envWith({ NODE_DISABLE_COMPILE_CACHE: '1' });
    const client = await RawClient.open({ argv: [process.execPath, program, '--stdio'], env });
    const sandbox = sandboxOf([entry({ type: 'special', value: { kind: 'root' } }, 'write')], directory);
    await client.request('fs/readFile', { path: `file://${program}`, sandbox });
    expect(await client.close()).to.equal(0);
    expect({ cached: cached(), exists: exists() }).to.deep.equal({ cached: [], exists: before });
  });

  it('is not part of the package', () => {
    spawnSync(process.execPath, [programPath, '--stdio'], { input: INPUT });
    const packed = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: join(programPath, '../..'),
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    expect(paths).to.include('dist/exec-server.cjs');
    expect(paths.filter(path => path.includes('.code'))).to.deep.equal([]);
  });
});

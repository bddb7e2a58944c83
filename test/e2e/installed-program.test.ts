import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { installTerminalPackages } from './support/terminal-packages.ts';

(process.platform === 'win32' ? describe.skip : describe)('code next to the program', () => {
  let directory: string;
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'code-next-to-')));
    for (const name of ['exec-server.cjs', 'exec-server-cli.cjs', 'exec-server-config.cjs'])
      cpSync(join(dirname(programPath), name), join(directory, name));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** The outcome of a command and of a request, both of which need code next to the server. */
  const outcomes = async () => {
    const program = join(directory, 'exec-server.cjs');
    const { status, stderr } = spawnSync(process.execPath, [program, '--version'], { encoding: 'utf8' });
    const client = await RawClient.open({ argv: [process.execPath, program, '--stdio'] });
    const { capabilities } = await client.request('environment/info');
    const params = { configPaths: [['model']], requirementsPaths: [], cwd: '/' };
    const { error } = await client.ask('environmentConfig/read', params);
    await client.close();
    return { status, stderr, announced: capabilities.environmentConfigRead, error: error?.data?.kind };
  };

  it('is loaded from a directory that only its user can write to', async () => {
    expect(await outcomes()).to.deep.equal({ status: 0, stderr: '', announced: true, error: undefined });
  });

  it('is not loaded from a directory that every user can write to', async () => {
    chmodSync(directory, 0o1777);
    expect(await outcomes()).to.deep.equal({
      status: 2,
      stderr: `exec-server: this standalone server only supports --stdio: other users can write to ${directory}, so no other code is loaded from there\n`,
      announced: false,
      error: 'unsupported',
    });
  });
});

it('the server itself runs no program from a relative entry of PATH', async function () {
  if (process.platform === 'win32') this.skip();
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'relative-path-')));
  try {
    for (const name of ['mkfifo', 'sh', 'ps', 'bwrap', 'env', 'bash', 'rm', 'sleep']) {
      writeFileSync(join(directory, name), `#!/bin/sh\necho ${name} >>"${directory}/ran"\n`, { mode: 0o755 });
    }
    const env = { ...process.env, PATH: `.::${process.env.PATH}` };
    const client = await RawClient.open({ env, cwd: directory });
    const start = { processId: 'p', argv: ['/bin/true'], cwd: '/', env: {} };
    await client.request('process/start', start);
    await client.finished('p');
    await client.request('process/list');
    expect(await client.close()).to.equal(0);
    expect(existsSync(join(directory, 'ran'))).to.equal(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

(ptyUnavailable() === undefined ? describe : describe.skip)('native code of the server', () => {
  let base: string;
  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'installed-program-')));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  const install = (modules: string) => installTerminalPackages(join(base, modules));
  const copyProgram = (path: string): string => {
    const copy = join(base, path);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(programPath, copy);
    return copy;
  };

  /** Starts a process on a terminal with this copy of the program: was it announced, and did it work? */
  const terminals = async (program: string, env: NodeJS.ProcessEnv = {}) => {
    const client = await RawClient.open({
      argv: [process.execPath, program, '--stdio'],
      env: { ...process.env, ...env },
    });
    const { capabilities } = await client.request('environment/info');
    const start = { processId: 'p', argv: ['/bin/true'], cwd: base, env: {}, tty: true };
    const { error } = await client.ask('process/start', start);
    await client.close();
    return { announced: capabilities.tty, started: error === undefined };
  };

  it('is loaded from the directory of the installed package', async () => {
    install('node_modules');
    cpSync(join(programPath, '../../package.json'), join(base, 'node_modules/exec-server/package.json'));
    expect(await terminals(copyProgram('node_modules/exec-server/dist/exec-server.cjs'))).to.deep.equal({
      announced: true,
      started: true,
    });
  });

  it('is loaded from no other directory of the module search path', async () => {
    for (const modules of ['node_modules', 'copy/dist/node_modules', 'path', 'home/.node_modules'])
      install(modules);
    const env = { NODE_PATH: join(base, 'path'), HOME: join(base, 'home') };
    for (const path of ['exec-server.cjs', 'copy/exec-server.cjs', 'copy/dist/exec-server.cjs'])
      expect(await terminals(copyProgram(path), env), path).to.deep.equal({
        announced: false,
        started: false,
      });
  });

  it('is not loaded from a package directory that every user can write', async () => {
    install('node_modules');
    cpSync(join(programPath, '../../package.json'), join(base, 'package.json'));
    const program = copyProgram('dist/exec-server.cjs');
    expect(await terminals(program)).to.deep.equal({ announced: true, started: true });
    chmodSync(base, 0o1777);
    expect(await terminals(program)).to.deep.equal({ announced: false, started: false });
  });
});

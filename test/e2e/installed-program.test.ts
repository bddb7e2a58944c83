import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty-binding.ts';
import { programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import { installTerminalPackages } from './support/terminal-packages.ts';

(ptyUnavailable() === undefined ? describe : describe.skip)('native code of a server', () => {
  let base: string;
  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'installed-program-')));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  const plant = (modules: string) => installTerminalPackages(join(base, modules));
  const copyProgram = (path: string): string => {
    const copy = join(base, path);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(programPath, copy);
    return copy;
  };

  /** Whether a process of this copy of the program gets a terminal, and whether that was announced. */
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

  it('is loaded from where the package is installed', async () => {
    plant('node_modules');
    cpSync(join(programPath, '../../package.json'), join(base, 'node_modules/exec-server/package.json'));
    expect(await terminals(copyProgram('node_modules/exec-server/dist/exec-server.cjs'))).to.deep.equal({
      announced: true,
      started: true,
    });
  });

  it('is loaded from no other directory that a search for modules leads to', async () => {
    for (const modules of ['node_modules', 'copy/dist/node_modules', 'path', 'home/.node_modules'])
      plant(modules);
    const env = { NODE_PATH: join(base, 'path'), HOME: join(base, 'home') };
    for (const path of ['exec-server.cjs', 'copy/exec-server.cjs', 'copy/dist/exec-server.cjs'])
      expect(await terminals(copyProgram(path), env), path).to.deep.equal({
        announced: false,
        started: false,
      });
  });

  it('is not loaded from a package directory that every user can write', async () => {
    plant('node_modules');
    cpSync(join(programPath, '../../package.json'), join(base, 'package.json'));
    const program = copyProgram('dist/exec-server.cjs');
    expect(await terminals(program)).to.deep.equal({ announced: true, started: true });
    chmodSync(base, 0o1777);
    expect(await terminals(program)).to.deep.equal({ announced: false, started: false });
  });
});

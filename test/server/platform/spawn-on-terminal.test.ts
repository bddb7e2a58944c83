import { closeSync, mkdtempSync, openSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { onceEnded } from '../../../src/server/platform/child-reaper.ts';
import { type Libc, libcUnavailable, loadLibc } from '../../../src/server/platform/libc.ts';
import { spawnOnTerminal } from '../../../src/server/platform/spawn-on-terminal.ts';

(libcUnavailable() === undefined ? describe : describe.skip)('spawnOnTerminal', () => {
  let directory: string;

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'spawn-on-terminal-test-')));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const libraries: Array<[title: string, libc: () => Libc]> = [
    ['the library of this machine', loadLibc],
    // glibc 2.28 has neither.
    [
      'one that cannot enter directories or close ranges',
      () => ({ ...loadLibc(), addChdir: undefined, addCloseFrom: undefined }),
    ],
  ];
  for (const [title, libc] of libraries) {
    describe(`by ${title}`, () => {
      // The null device stands for the terminal: nothing here depends on what the streams lead to.
      const run = (script: string, cwd = directory) =>
        spawnOnTerminal(
          { file: '/bin/sh', argv: ['sh', '-c', script], env: {}, cwd, terminal: '/dev/null' },
          libc(),
        );
      const ended = (pid: number) => new Promise(resolve => onceEnded(pid, (...end) => resolve(end)));

      it('starts in the directory, and stays where this process is', async () => {
        const here = process.cwd();
        expect(await ended(run('mkdir made; exit 3'))).to.deep.equal([3, 0]);
        expect([readdirSync(directory), process.cwd()]).to.deep.equal([['made'], here]);
      });

      it('reports a directory that cannot be entered', () => {
        const here = process.cwd();
        expect(() => run('true', join(directory, 'missing')))
          .to.throw()
          .with.property('code', 'ENOENT');
        expect(() => run('true', '/dev/null'))
          .to.throw()
          .with.property('code', 'ENOTDIR');
        expect(process.cwd()).to.equal(here);
      });

      it('leaves no descriptor to the child that is not its own', async () => {
        const fd = openSync('/dev/null', 'r');
        loadLibc().ioctlNumber(fd, FIONCLEX, 0);
        expect(await ended(run(`test ! -e /proc/$$/fd/${fd}`))).to.deep.equal([0, 0]);
        closeSync(fd);
      });
    });
  }
});

/** Clears close-on-exec. */
const FIONCLEX = 0x5450;

import { closeSync, mkdtempSync, openSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { onceEnded } from '../../src/system/child-reaper.ts';
import { type Libc, libcUnavailable, loadLibc } from '../../src/system/libc.ts';
import { spawnOnTerminal } from '../../src/system/spawn-on-terminal.ts';

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
      const run = (script: string, cwd = directory, descriptors: readonly number[] = []) =>
        spawnOnTerminal(
          { file: '/bin/sh', argv: ['sh', '-c', script], env: {}, cwd, terminal: '/dev/null', descriptors },
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

      it('gives the child descriptors in their order, whatever their numbers are here', async () => {
        const names = Array.from({ length: 30 }, (_, index) => join(directory, String(index)));
        const opened = names.map(name => openSync(name, 'w')).reverse();
        // Numbers that others have here, and close-on-exec removed: the child would inherit it.
        loadLibc().ioctlNumber(opened[0] as number, FIONCLEX, 0);
        const check = opened.map(
          (_, index) => `test /proc/$$/fd/${index + 3} -ef ${29 - index} || exit ${index + 3}`,
        );
        const last = opened.length + 2;
        const script = `${check.join('\n')}\nfor fd in /proc/$$/fd/*; do test ! -e "$fd" || test "\${fd##*/}" -le ${last} || exit 99; done`;
        expect(await ended(run(script, directory, opened))).to.deep.equal([0, 0]);
        for (const fd of opened) closeSync(fd);
      });
    });
  }
});

/** Clears close-on-exec. */
const FIONCLEX = 0x5450;

import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { findHolders, killHolders } from '../../../src/server/platform/holders.ts';
import { startOnPty } from '../../../src/server/process/pty.ts';
import { ptyUnavailable } from '../../../src/server/process/pty-binding.ts';
import { until } from '../../support/until.ts';
import { Children, isRunning } from './support/children.ts';

describe('findHolders', () => {
  const children = new Children();
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-test-'));
  });

  afterEach(async () => {
    await children.end();
    rmSync(directory, { recursive: true });
  });

  describe('on a directory that looks like /proc', () => {
    const addProcess = (pid: number, name: string, links: Record<number, string>): void => {
      mkdirSync(join(directory, `${pid}/fd`), { recursive: true });
      writeFileSync(join(directory, `${pid}/comm`), `${name}\n`);
      for (const [fd, link] of Object.entries(links)) symlinkSync(link, join(directory, `${pid}/fd/${fd}`));
    };
    const find = (links: string[], exclude?: ReadonlySet<number>) =>
      findHolders(new Set(links), { procRoot: directory, platform: 'linux', exclude });

    it('finds pipes, sockets, terminals and deleted files by what their links say', async () => {
      addProcess(10, 'pipe holder', { 0: '/none/7', 5: '/none/7' });
      addProcess(11, 'deleted', { 3: '/none/7 (deleted)' });
      addProcess(12, 'socket', { 3: 'socket:[123]' });
      addProcess(13, 'pty', { 0: '/dev/pts/99999' });
      addProcess(14, 'other', { 0: '/none/77', 1: '/none/7/8', 2: 'socket:[1234]', 3: 'pipe:[123]' });
      expect(byPid(await find(['/none/7', 'socket:[123]', '/dev/pts/99999']))).to.deep.equal([
        { pid: 10, name: 'pipe holder' },
        { pid: 11, name: 'deleted' },
        { pid: 12, name: 'socket' },
        { pid: 13, name: 'pty' },
      ]);
    });

    it('leaves out whom it is told to', async () => {
      addProcess(10, 'ours', { 0: 'pipe:[1]' });
      addProcess(11, 'other', { 0: 'pipe:[1]' });
      expect(await find(['pipe:[1]'], new Set([10]))).to.deep.equal([{ pid: 11, name: 'other' }]);
    });

    it('passes over what it may not read and what has ended', async () => {
      mkdirSync(join(directory, '10'));
      mkdirSync(join(directory, '11'));
      writeFileSync(join(directory, '11/fd'), '');
      mkdirSync(join(directory, '12/fd'), { recursive: true });
      writeFileSync(join(directory, '12/fd/0'), '');
      expect(await find(['pipe:[1]'])).to.deep.equal([]);
    });

    it('does not take another file of the same path, as in a container, for ours', async () => {
      const terminal = join(directory, 'terminal');
      writeFileSync(terminal, '');
      addProcess(10, 'ours', { 0: terminal });
      addProcess(11, 'contained', { 0: `${terminal} (deleted)` });
      writeFileSync(`${terminal} (deleted)`, '');
      expect(await find([terminal])).to.deep.equal([{ pid: 10, name: 'ours' }]);
    });

    it('does not take a file on another device for one of ours that is deleted', async () => {
      const [ours, contained] = [join(directory, 'ours'), join(directory, 'contained')];
      addProcess(10, 'ours', { 0: `${ours} (deleted)` });
      addProcess(11, 'contained', { 0: `${contained} (deleted)` });
      writeFileSync(`${ours} (deleted)`, '');
      symlinkSync('/dev/null', `${contained} (deleted)`);
      expect(await find([ours, contained])).to.deep.equal([{ pid: 10, name: 'ours' }]);
    });

    it('does not take a child of ours for a holder that has yet to begin its program, with all that we have', async () => {
      const addForked = (pid: number, parent: number, flags: number) => {
        addProcess(pid, 'node', { 3: 'pipe:[1]' });
        const stat = `${pid} (a) S 1 (b) S ${parent} ${pid} ${pid} 0 -1 ${flags} 0 0\n`;
        writeFileSync(join(directory, `${pid}/stat`), stat);
      };
      const forkedOnly = 0x400040;
      addForked(10, process.pid, forkedOnly);
      addForked(11, process.pid, 0x400000);
      // As a shell forks itself for a job.
      addForked(12, 9, forkedOnly);
      expect(byPid(await find(['pipe:[1]']))?.map(({ pid }) => pid)).to.deep.equal([11, 12]);
    });

    it('yields to others while it looks at many descriptors', async () => {
      addProcess(10, 'many', Object.fromEntries(Array.from({ length: 1000 }, (_, fd) => [fd, 'pipe:[1]'])));
      for (let pid = 11; pid < 40; pid += 1) symlinkSync('10', join(directory, String(pid)));
      let turns = 0;
      const count = (): void => {
        turns += 1;
        turn = setImmediate(count);
      };
      let turn = setImmediate(count);
      expect(await find(['pipe:[2]'])).to.deep.equal([]);
      clearImmediate(turn);
      expect(turns).to.be.greaterThan(1);
    });

    it('cannot know on other systems, nor without /proc', async () => {
      expect(await findHolders(new Set(), { procRoot: directory, platform: 'darwin' })).to.equal(undefined);
      expect(await findHolders(new Set(), { procRoot: '/none', platform: 'linux' })).to.equal(undefined);
      expect(await killHolders(new Set(), { procRoot: '/none', platform: 'linux' })).to.equal(undefined);
    });
  });

  describe('on real processes', () => {
    before(function () {
      if (process.platform !== 'linux') this.skip();
    });

    it('finds who holds a named pipe, also when the pipe is deleted', async () => {
      const pipe = namedPipe(directory);
      const pid = await children.start('replaces-holder.sh', pipe);
      // The shell's child is a holder, too.
      const named = async () => (await findHolders(new Set([pipe])))?.find(holder => holder.pid === pid);
      expect(await named()).to.deep.equal({ pid, name: 'sh' });
      unlinkSync(pipe);
      expect(await named()).to.deep.equal({ pid, name: 'sh' });
    });

    it('finds who holds a pipe or a socket that has no name', async () => {
      const child = spawn('sleep', ['1000'], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
      const pid = child.pid ?? 0;
      children.add(pid);
      const link = readlinkSync(`/proc/${pid}/fd/0`);
      const holders = await findHolders(new Set([link]));
      expect(holders?.map(holder => holder.pid)).to.deep.equal([pid]);
    });

    it('kills the holders and nobody else, again if one replaces another', async () => {
      const pipe = namedPipe(directory);
      const holder = await children.start('replaces-holder.sh', pipe);
      const outsider = await children.start('starts-holder.sh', pipe);
      const bystander = await children.start('ignores-term-and-hup.sh');
      const outcome = await killHolders(new Set([pipe]));
      expect(outcome?.left).to.deep.equal([]);
      expect(outcome?.killed.map(({ pid }) => pid)).to.include.members([holder, outsider]);
      await until(() => !isRunning(holder) && !isRunning(outsider), 'holders are still alive');
      expect(isRunning(bystander)).to.equal(true);
    });

    it('kills no child that was forked just now and has what its parent has', async function () {
      if (ptyUnavailable() !== undefined) this.skip();
      const pipe = namedPipe(directory);
      const own = openSync(pipe, 'r+');
      // It is stopped while it looks through them.
      const nowhere = Array.from({ length: 5000 }, (_, at) => `/nowhere/${at}`);
      const child = startOnPty({
        argv: ['sleep', '1000'],
        arg0: undefined,
        cwd: '/',
        env: { PATH: [...nowhere, '/usr/bin', '/bin'].join(':') },
        size: { columns: 80, rows: 24 },
        platform: process.platform,
      });
      process.kill(-child.pid, 'SIGSTOP');
      children.add(child.pid);
      const exit = new Promise(resolve => child.onExit((code, signal) => resolve(signal ?? code)));
      const outcome = await killHolders(new Set([pipe]));
      closeSync(own);
      for (const signal of ['SIGTERM', 'SIGCONT']) process.kill(-child.pid, signal);
      expect([outcome, await exit]).to.deep.equal([{ killed: [], left: [] }, 'SIGTERM']);
      child.destroy();
    });

    it('never kills its own process, nor one that is excluded', async () => {
      const pipe = namedPipe(directory);
      const own = openSync(pipe, 'r+');
      const other = await children.start('holds-pipe.sh', pipe);
      const outcome = await killHolders(new Set([pipe]), { exclude: new Set([other]) });
      closeSync(own);
      expect(outcome).to.deep.equal({ killed: [], left: [] });
      expect(isRunning(other)).to.equal(true);
    });
  });
});

const byPid = <T extends { pid: number }>(list: readonly T[] | undefined): T[] | undefined =>
  list?.toSorted((a, b) => a.pid - b.pid);

const namedPipe = (directory: string): string => {
  const path = join(directory, '7');
  execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
  return path;
};

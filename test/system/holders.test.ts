import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import { startOnPty } from '../../src/server/process/pty/start-on-pty.ts';
import { findHeld, findHolders, killHolders } from '../../src/system/holders.ts';
import { type PinnedFile, pinFile, releaseAll } from '../../src/system/pinned-file.ts';
import { until } from '../support/until.ts';
import { Children, fixture, isRunning, untilStartTimesAreLaterThan } from './support/children.ts';

describe('findHolders', () => {
  const children = new Children();
  const pins: PinnedFile[] = [];
  let directory: string;

  const pin = (path: string): PinnedFile => {
    const file = pinFile(path);
    if (file === undefined) throw new Error(`cannot pin ${path}`);
    pins.push(file);
    return file;
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-test-'));
  });

  afterEach(async () => {
    await children.end();
    releaseAll(pins.splice(0));
    rmSync(directory, { recursive: true });
  });

  describe('on a directory that looks like /proc', () => {
    /** A process in it, whose start time is its pid. */
    const addProcess = (
      pid: number,
      name: string,
      links: Record<number, string>,
      { parent = 1, flags = 0 } = {},
    ): void => {
      mkdirSync(join(directory, `${pid}/fd`), { recursive: true });
      const stat = `${pid} (${name}) S ${parent} ${pid} ${pid} 0 -1 ${flags}${' 0'.repeat(12)} ${pid} 0 0\n`;
      writeFileSync(join(directory, `${pid}/stat`), stat);
      for (const [fd, link] of Object.entries(links)) symlinkSync(link, join(directory, `${pid}/fd/${fd}`));
    };
    const fileAt = (name: string): string => {
      writeFileSync(join(directory, name), '');
      return join(directory, name);
    };
    /** The file at a path, to be searched for by another name that it has had. */
    const pinned = (path: string, name = path): PinnedFile => ({ ...pin(path), path: name });
    const find = (files: PinnedFile[], exclude?: ReadonlySet<number>) =>
      findHolders(files, { procRoot: directory, platform: 'linux', exclude });

    it('finds files by their device and inode, deleted ones too, and each process once', async () => {
      const [ours, other] = [fileAt('ours'), fileAt('other')];
      const deleted = fileAt('deleted (deleted)');
      addProcess(10, 'pipe (a) S holder', { 0: ours, 5: ours });
      addProcess(11, 'deleted', { 3: deleted });
      addProcess(14, 'other', { 0: other, 1: `${ours}/8` });
      const files = [pinned(ours), pinned(deleted, join(directory, 'deleted'))];
      expect(byPid(await find(files))).to.deep.equal([
        { pid: 10, name: 'pipe (a) S holder' },
        { pid: 11, name: 'deleted' },
      ]);
    });

    it('leaves out the excluded', async () => {
      const file = fileAt('ours');
      addProcess(10, 'ours', { 0: file });
      addProcess(11, 'other', { 0: file });
      expect(await find([pinned(file)], new Set([10]))).to.deep.equal([{ pid: 11, name: 'other' }]);
    });

    it('ignores processes that it may not read or that have ended', async () => {
      mkdirSync(join(directory, '10'));
      mkdirSync(join(directory, '11'));
      writeFileSync(join(directory, '11/fd'), '');
      mkdirSync(join(directory, '12/fd'), { recursive: true });
      writeFileSync(join(directory, '12/fd/0'), '');
      // Ended between two looks: it has no start time.
      mkdirSync(join(directory, '13/fd'), { recursive: true });
      symlinkSync(fileAt('ours'), join(directory, '13/fd/0'));
      expect(await find([pinned(join(directory, 'ours'))])).to.deep.equal([]);
    });

    it('does not take another file of the same name for ours, as in a container or after its name was reused', async () => {
      const [ours, other] = [fileAt('ours'), fileAt('other')];
      addProcess(10, 'other', { 0: other });
      expect(await find([pinned(ours, other)])).to.deep.equal([]);
    });

    it('does not take a child of ours for a holder that has yet to begin its program, with all that we have', async () => {
      const file = fileAt('ours');
      const forkedOnly = 0x400040;
      addProcess(10, 'node', { 3: file }, { parent: process.pid, flags: forkedOnly });
      addProcess(11, 'node', { 3: file }, { parent: process.pid, flags: 0x400000 });
      // As a shell forks itself for a job.
      addProcess(12, 'node', { 3: file }, { parent: 9, flags: forkedOnly });
      expect(byPid(await find([pinned(file)]))?.map(({ pid }) => pid)).to.deep.equal([11, 12]);
    });

    it('finds which of the files are held', async () => {
      const [held, free] = [fileAt('held'), fileAt('free')];
      addProcess(10, 'holder', { 0: '/dev/null', 1: held });
      addProcess(process.pid, 'this process', { 0: free });
      const files = [pinned(free), pinned(held)];
      const found = await findHeld(files, { procRoot: directory, platform: 'linux' });
      expect([...(found ?? [])]).to.deep.equal([files[1]]);
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
      expect(await find([pinned(fileAt('ours'))])).to.deep.equal([]);
      clearImmediate(turn);
      expect(turns).to.be.greaterThan(1);
    });

    it('cannot know on other systems, nor without /proc', async () => {
      expect(await findHolders([], { procRoot: directory, platform: 'darwin' })).to.equal(undefined);
      expect(await findHolders([], { procRoot: '/none', platform: 'linux' })).to.equal(undefined);
      expect(await killHolders([pinned('/')], { procRoot: '/none', platform: 'linux' })).to.equal(undefined);
    });
  });

  describe('on real processes', () => {
    before(function () {
      if (process.platform !== 'linux') this.skip();
    });

    it('finds who holds a named pipe, also when the pipe is deleted', async () => {
      const pipe = namedPipe(directory);
      const file = pin(pipe);
      const pid = await children.start('replaces-holder.sh', pipe);
      // The shell's child is a holder, too.
      const named = async () => (await findHolders([file]))?.find(holder => holder.pid === pid);
      expect(await named()).to.deep.equal({ pid, name: 'sh' });
      unlinkSync(pipe);
      expect(await named()).to.deep.equal({ pid, name: 'sh' });
    });

    it('finds who holds a socket that has no name', async () => {
      const child = spawn('sleep', ['1000'], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
      const pid = child.pid ?? 0;
      children.add(pid);
      const descriptor = `/proc/${pid}/fd/0`;
      const { dev, ino } = statSync(descriptor, { bigint: true });
      const holders = await findHolders([{ path: readlinkSync(descriptor), dev, ino, release: () => {} }]);
      expect(holders?.map(holder => holder.pid)).to.deep.equal([pid]);
    });

    it('kills the holders and no other, again if one replaces another', async () => {
      const pipe = namedPipe(directory);
      const holder = await children.start('replaces-holder.sh', pipe);
      const outsider = await children.start('starts-holder.sh', pipe);
      const bystander = await children.start('ignores-term-and-hup.sh');
      const outcome = await killHolders([pin(pipe)]);
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
      const outcome = await killHolders([pin(pipe)]);
      closeSync(own);
      for (const signal of ['SIGTERM', 'SIGCONT']) process.kill(-child.pid, signal);
      expect([outcome, await exit]).to.deep.equal([{ killed: [], left: [] }, 'SIGTERM']);
      child.destroy();
    });

    it('spares what is older than the server: it was handed the descriptor and is no descendant', async () => {
      const pipe = namedPipe(directory);
      const master = await children.start('holds-pipe.sh', pipe);
      await untilStartTimesAreLaterThan(master);
      const younger = spawn(
        process.execPath,
        ['--import', 'tsx', fixture('kills-holders.ts'), pipe, String(master)],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      expect(JSON.parse(await text(younger.stdout))).to.deep.equal({ ours: true, master: true, killed: 1 });
    });

    it('never kills its own process, nor one that is excluded', async () => {
      const pipe = namedPipe(directory);
      const own = openSync(pipe, 'r+');
      const other = await children.start('holds-pipe.sh', pipe);
      const outcome = await killHolders([pin(pipe)], { exclude: new Set([other]) });
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

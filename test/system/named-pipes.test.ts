import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import type { NamedPipe } from '../../src/system/named-pipe.ts';
import { NamedPipes } from '../../src/system/named-pipes.ts';
import { releaseAll } from '../../src/system/pinned-file.ts';
import { type ProcessEntry, readProc } from '../../src/system/process-table.ts';
import { openBelow } from '../server/support/descriptors.ts';
import { until } from '../support/until.ts';
import { fixture } from './support/children.ts';

const ACCESS = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR;

/** How a descriptor was opened. */
const modeOf = (fd: number) => {
  const [, octal = ''] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  const flags = Number.parseInt(octal, 8);
  return { access: flags & ACCESS, blocks: (flags & constants.O_NONBLOCK) === 0 };
};

/** What is there to be read: text, an empty text at the end, or nothing yet. */
const readNow = (fd: number): string | undefined => {
  const buffer = Buffer.alloc(100);
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  } catch {
    return undefined;
  }
};

const close = ({ ours, childs }: NamedPipe) => {
  closeSync(ours);
  closeSync(childs);
};

const withPath = <Result>(path: string, act: () => Result): Result => {
  const before = process.env.PATH;
  process.env.PATH = path;
  try {
    return act();
  } finally {
    process.env.PATH = before;
  }
};

(process.platform === 'linux' ? describe : describe.skip)('NamedPipes', () => {
  let tempDir: string;
  let pipes: NamedPipes;

  beforeEach(() => {
    tempDir = realpathSync(mkdtempSync(join(tmpdir(), 'named-pipes-test-')));
    pipes = new NamedPipes(tempDir, () => {});
  });

  afterEach(async () => {
    await pipes.dispose();
    rmSync(tempDir, { recursive: true });
    expect(openBelow(tempDir)).to.deep.equal([]);
  });

  /** Ends that must be had. */
  const open = (direction: 'forOutput' | 'forInput'): NamedPipe => {
    const ends = pipes[direction]();
    if (ends === undefined) throw new Error(`no pipe: ${pipes.unavailable}`);
    return ends;
  };

  /** The paths of those that are held. */
  const held = (): string[] => {
    const pinned = pipes.pinHeld();
    releaseAll(pinned);
    return pinned.map(({ path }) => path);
  };

  /** The path that the next pipe gets. */
  const nextPath = () => {
    const ends = open('forOutput');
    close(ends);
    ends.closed(true);
    return ends.path;
  };

  it('opens a pipe that a child writes: its end blocks, ours does not', () => {
    const ends = open('forOutput');
    expect([modeOf(ends.ours), modeOf(ends.childs)]).to.deep.equal([
      { access: constants.O_RDONLY, blocks: false },
      { access: constants.O_WRONLY, blocks: true },
    ]);
    const nothing = readNow(ends.ours);
    writeSync(ends.childs, 'x');
    const something = readNow(ends.ours);
    closeSync(ends.childs);
    expect([nothing, something, readNow(ends.ours)]).to.deep.equal([undefined, 'x', '']);
    closeSync(ends.ours);
  });

  it('opens a pipe that a child reads: its end blocks, ours does not', () => {
    const ends = open('forInput');
    expect([modeOf(ends.ours), modeOf(ends.childs)]).to.deep.equal([
      { access: constants.O_WRONLY, blocks: false },
      { access: constants.O_RDONLY, blocks: true },
    ]);
    writeSync(ends.ours, 'x');
    closeSync(ends.ours);
    expect([readNow(ends.childs), readNow(ends.childs)]).to.deep.equal(['x', '']);
    closeSync(ends.childs);
  });

  it('tells the path that /proc has for both ends, also below a symbolic link', async () => {
    const link = join(tempDir, 'link');
    mkdirSync(join(tempDir, 'real'));
    symlinkSync('real', link);
    const linked = new NamedPipes(link, () => {});
    for (const direction of ['forOutput', 'forInput'] as const) {
      const ends = linked[direction]() as NamedPipe;
      const links = [ends.ours, ends.childs].map(fd => readlinkSync(`/proc/self/fd/${fd}`));
      expect(links).to.deep.equal([ends.path, ends.path]);
      close(ends);
    }
    await linked.dispose();
  });

  it('gives access to no other user', () => {
    const ends = open('forOutput');
    const modes = [ends.path, dirname(ends.path)].map(path => statSync(path).mode & 0o777);
    expect([statSync(ends.path).isFIFO(), modes]).to.deep.equal([true, [0o600, 0o700]]);
    close(ends);
  });

  it('tells its directory before anything is in it, and once', () => {
    const told: Array<[directory: string, files: string[]]> = [];
    const telling = new NamedPipes(tempDir, directory => told.push([directory, readdirSync(directory)]));
    const ends = Array.from({ length: 60 }, () => telling.forOutput() as NamedPipe);
    const directories = new Set(ends.map(({ path }) => dirname(path)));
    for (const each of ends) close(each);
    expect(told).to.deep.equal([...directories].map(directory => [directory, []]));
    return telling.dispose();
  });

  it('has as many pipes as are asked for, each its own', () => {
    const ends = Array.from({ length: 110 }, (_, at) => open(at % 2 ? 'forInput' : 'forOutput'));
    const different = new Set(ends.map(({ path }) => path)).size;
    for (const each of ends) close(each);
    expect(different).to.equal(110);
  });

  describe('with a pipe that is given back', () => {
    it('uses it again after its end', () => {
      const ends = open('forOutput');
      closeSync(ends.childs);
      expect(readNow(ends.ours)).to.equal('');
      closeSync(ends.ours);
      ends.closed(true);
      expect(nextPath()).to.equal(ends.path);
    });

    it('reuses it after a cut without holders, without unread bytes', () => {
      const ends = open('forOutput');
      writeSync(ends.childs, 'unread');
      close(ends);
      ends.closed(false);
      const again = open('forOutput');
      expect([again.path, readNow(again.ours)]).to.deep.equal([ends.path, undefined]);
      close(again);
    });

    for (const [who, flags] of [
      ['writes', constants.O_WRONLY],
      ['reads', constants.O_RDONLY],
    ] as const) {
      it(`does not use it again after a cut while another process ${who}, and keeps its name and so its inode`, () => {
        const ends = open('forOutput');
        const other = openSync(ends.path, flags | constants.O_NONBLOCK);
        close(ends);
        ends.closed(false);
        expect([nextPath() === ends.path, existsSync(ends.path)]).to.deep.equal([false, true]);
        closeSync(other);
      });
    }

    it('reuses an input when no process reads it any more', async () => {
      const ends = open('forInput');
      closeSync(ends.ours);
      ends.closed(false);
      const whileRead = nextPath();
      closeSync(ends.childs);
      await until(() => nextPath() === ends.path, 'the pipe is not used again');
      expect(whileRead).to.not.equal(ends.path);
    });

    it('lists those that others hold, until they can be reused', async () => {
      const [free, cut, input] = [open('forOutput'), open('forOutput'), open('forInput')];
      const other = openSync(cut.path, constants.O_WRONLY | constants.O_NONBLOCK);
      close(free);
      free.closed(false);
      close(cut);
      cut.closed(false);
      closeSync(input.ours);
      input.closed(false);
      const before = held();
      closeSync(input.childs);
      closeSync(other);
      await until(() => held().length === 0, 'they are still held');
      expect(before).to.deep.equal([cut.path, input.path]);
    });

    it('lists one as held before our end is closed, if that is about to happen', () => {
      const [cut, free, input] = [open('forOutput'), open('forOutput'), open('forInput')];
      cut.cut();
      free.cut();
      const before = held();
      for (const ends of [free, input]) close(ends);
      free.closed(false);
      const after = held();
      close(cut);
      cut.closed(false);
      expect([before, after]).to.deep.equal([[cut.path, free.path, input.path], [cut.path]]);
    });

    for (const direction of ['forOutput', 'forInput'] as const) {
      it(`never uses one that was searched for again, and removes it after the search: ${direction}`, async () => {
        const ends = open(direction);
        const pinned = ends.pin();
        const { dev, ino } = statSync(ends.path, { bigint: true });
        close(ends);
        ends.closed(true);
        const during = [nextPath() === ends.path, existsSync(ends.path)];
        expect([pinned?.path, pinned?.dev, pinned?.ino, during]).to.deep.equal([
          ends.path,
          dev,
          ino,
          [false, true],
        ]);
        pinned?.release();
        await until(() => !existsSync(ends.path), 'it is kept after the search');
        expect([nextPath() === ends.path, ends.pin()]).to.deep.equal([false, undefined]);
      });
    }

    it('pins one use of it: the next one that has the same name is another', () => {
      const first = open('forOutput');
      close(first);
      first.closed(true);
      const second = open('forOutput');
      expect([second.path, first.pin(), first.isHeld]).to.deep.equal([first.path, undefined, false]);
      close(second);
      second.closed(true);
    });

    it('counts a pin as neither a reader nor a writer', () => {
      const ends = open('forOutput');
      const pinned = ends.pin();
      closeSync(ends.childs);
      const atEnd = readNow(ends.ours);
      closeSync(ends.ours);
      expect(atEnd).to.equal('');
      expect(() => openSync(ends.path, constants.O_WRONLY | constants.O_NONBLOCK)).to.throw('ENXIO');
      pinned?.release();
      ends.closed(true);
    });

    it('does not use an input again that another process may still write', async () => {
      const ends = open('forInput');
      const other = openSync(ends.path, constants.O_WRONLY | constants.O_NONBLOCK);
      close(ends);
      ends.closed(false);
      const whileWritten = nextPath();
      closeSync(other);
      await until(() => nextPath() === ends.path, 'the pipe is not used again');
      expect(whileWritten).to.not.equal(ends.path);
    });

    it('survives that its directory is removed while it is looked at', async () => {
      const ends = open('forOutput');
      rmSync(dirname(ends.path), { recursive: true });
      close(ends);
      ends.closed(false);
      expect(pipes.forOutput()).to.equal(undefined);
    });

    it('lets a child go on that opens its stdin by name after the end', async () => {
      const ends = open('forInput');
      const go = join(tempDir, 'go');
      const script = 'while [ ! -e "$0" ]; do sleep 0.01; done; cat </dev/stdin; echo done';
      const child = spawn('sh', ['-c', script, go], { stdio: [ends.childs, 'pipe', 'ignore'] });
      const closed = once(child, 'close');
      close(ends);
      ends.closed(false);
      writeFileSync(go, '');
      expect(await text(child.stdout as NodeJS.ReadableStream)).to.equal('done\n');
      await closed;
    });
  });

  describe('prepare', () => {
    const made = () => readdirSync(tempDir).flatMap(name => readdirSync(join(tempDir, name))).length;

    const isMkfifo = ({ ppid, name }: ProcessEntry) => ppid === process.pid && name === 'mkfifo';
    const areMade = (count: number) => made() === count && ![...readProc().values()].some(isMkfifo);

    it('makes pipes that later need no mkfifo', async () => {
      pipes.prepare();
      await until(() => areMade(48), 'mkfifo has not ended');
      expect([dirname(dirname(withPath('', nextPath))), pipes.unavailable]).to.deep.equal([
        tempDir,
        undefined,
      ]);
    });

    it('is done again, for as many, before they run out', async () => {
      const ends = Array.from({ length: 33 }, () => open('forOutput'));
      await until(() => areMade(96), 'no more are made');
      const more = () => Array.from({ length: 30 }, () => open('forOutput'));
      ends.push(...withPath('', more));
      for (const each of ends) close(each);
      expect([new Set(ends.map(({ path }) => path)).size, made()]).to.deep.equal([63, 96]);
    });

    it('does nothing where pipes were made already', async () => {
      nextPath();
      const before = made();
      pipes.prepare();
      pipes.prepare();
      await pipes.dispose();
      expect([before > 0, readdirSync(tempDir)]).to.deep.equal([true, []]);
    });

    it('does not delay an immediate request', async () => {
      pipes.prepare();
      const ends = [open('forOutput'), open('forInput')];
      expect(new Set(ends.map(({ path }) => path)).size).to.equal(2);
      for (const each of ends) close(each);
    });
  });

  describe('where there can be none', () => {
    const ends = () => [pipes.forOutput(), pipes.forInput()];

    it('says so without mkfifo', () => {
      pipes = new NamedPipes(tempDir, () => {}, '/missing/mkfifo');
      expect(ends()).to.deep.equal([undefined, undefined]);
      expect(pipes.unavailable).to.equal('no named pipes: spawnSync /missing/mkfifo ENOENT');
      // Nothing changes any more: whether there are pipes is no matter of luck.
      expect(ends()).to.deep.equal([undefined, undefined]);
    });

    it('says so without mkfifo when it prepares, too', async () => {
      pipes = new NamedPipes(tempDir, () => {}, '/missing/mkfifo');
      pipes.prepare();
      await until(() => pipes.unavailable !== undefined, 'it has not noticed');
      expect([pipes.unavailable, ends()]).to.deep.equal([
        'no named pipes: spawn /missing/mkfifo ENOENT',
        [undefined, undefined],
      ]);
    });

    it('says so where mkfifo fails', () => {
      const mkfifo = join(tempDir, 'mkfifo');
      writeFileSync(mkfifo, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
      pipes = new NamedPipes(tempDir, () => {}, mkfifo);
      expect(ends()).to.deep.equal([undefined, undefined]);
      expect(pipes.unavailable).to.equal('no named pipes: mkfifo exited with code 3');
    });

    it('says so where the directory for temporary files cannot be used', () => {
      const file = join(tempDir, 'file');
      writeFileSync(file, '');
      const reasons = [join(tempDir, 'missing'), file].map(directory => {
        pipes = new NamedPipes(directory, () => {});
        pipes.prepare();
        return [ends(), pipes.unavailable?.replace(/,.*/, '')];
      });
      expect(reasons).to.deep.equal([
        [[undefined, undefined], 'no named pipes: ENOENT: no such file or directory'],
        [[undefined, undefined], 'no named pipes: ENOTDIR: not a directory'],
      ]);
    });

    it('reports that the directory was removed', () => {
      rmSync(dirname(nextPath()), { recursive: true });
      expect(ends()).to.deep.equal([undefined, undefined]);
      expect(pipes.unavailable).to.match(/^no named pipes: ENOENT/);
    });

    it('keeps no descriptor of a pipe that it could not open for want of them', () => {
      const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
      const script = 'ulimit -n 200; exec "$@"';
      const program = [process.execPath, '--import', tsx, fixture('out-of-descriptors.ts'), tempDir];
      const { before, after, ...rest } = JSON.parse(
        execFileSync('sh', ['-c', script, 'sh', ...program], { encoding: 'utf8' }),
      );
      expect([rest, after]).to.deep.equal([{ first: true }, before]);
    });
  });

  describe('dispose', () => {
    it('removes everything; pipes that are open go on working', async () => {
      const ends = open('forOutput');
      await pipes.dispose();
      writeSync(ends.childs, 'x');
      expect([readdirSync(tempDir), readNow(ends.ours)]).to.deep.equal([[], 'x']);
      close(ends);
      ends.closed(true);
      ends.closed(false);
      expect([pipes.forOutput(), pipes.forInput(), pipes.unavailable]).to.deep.equal([
        undefined,
        undefined,
        'the server is shutting down',
      ]);
    });

    it('is harmless twice, and where nothing was made', async () => {
      await pipes.dispose();
      await pipes.dispose();
      expect(readdirSync(tempDir)).to.deep.equal([]);
    });

    it('leaves nothing behind while pipes are being made', async () => {
      for (let round = 0; round < 60; round += 1) {
        const prepared = new NamedPipes(tempDir, () => {});
        prepared.prepare();
        const moment = performance.now() + (round % 30) * 0.1;
        while (performance.now() < moment);
        await prepared.dispose();
      }
      expect(readdirSync(tempDir)).to.deep.equal([]);
    });
  });
});

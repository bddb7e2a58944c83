import { mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { MissingWatch } from '../../../src/server/files/missing-watch.ts';
import { paths, scratchDirectory } from './support/scratch.ts';

/** Longer than a test, so that reports come from events of the system. */
const NEVER_MS = 10 * 60_000;

describe('MissingWatch', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  const { at } = scratchDirectory();
  const reported: number[] = [];
  let onReport = () => {};
  let watch: MissingWatch;
  let nextId = 1;

  const watching = (recheckMs: number) => {
    watch = new MissingWatch(
      paths,
      watchId => {
        reported.push(watchId);
        onReport();
      },
      recheckMs,
    );
  };

  beforeEach(() => {
    reported.length = 0;
    watching(NEVER_MS);
  });
  afterEach(() => watch.stop());

  const start = (missing: string[], present?: string, watchId = nextId++) =>
    watch.start(watchId, { missing: missing.map(at), ...(present && { present: at(present) }) });
  /** Resolves with the first reported number. */
  const first = async (): Promise<number> => {
    while (reported.length === 0) {
      await new Promise<void>(resolve => {
        onReport = resolve;
      });
    }
    return reported[0] as number;
  };
  /** Waits until earlier events of the system have arrived: those of a file that is created now. */
  const settled = async () => {
    const done = new Promise<number>(resolve => {
      const other = new MissingWatch(paths, resolve, NEVER_MS);
      void other.start(1, { missing: [at('settled')] }).then(() => writeFileSync(at('settled'), ''));
    });
    await done;
    rmSync(at('settled'));
    for (let turn = 0; turn < 3; turn += 1) await delay(1);
  };

  const appearances: Array<[what: string, missing: string, prepare: string[], act: () => void]> = [
    ['a file', 'a', [], () => writeFileSync(at('a'), '')],
    ['a directory', 'a', [], () => mkdirSync(at('a'))],
    ['a link that leads nowhere', 'a', [], () => symlinkSync('nowhere', at('a'))],
    ['a file in an existing directory', 'd/a', ['d'], () => writeFileSync(at('d/a'), '')],
    [
      'a file in a tree that is moved in',
      'tree/x/a',
      ['elsewhere/x', 'elsewhere/x/a'],
      () => renameSync(at('elsewhere'), at('tree')),
    ],
    [
      'a file that is gone again',
      'a',
      [],
      () => {
        writeFileSync(at('a'), '');
        unlinkSync(at('a'));
      },
    ],
    ['a file behind a link', 'link/a', ['d', 'link'], () => writeFileSync(at('d/a'), '')],
  ];
  for (const [what, missing, prepare, act] of appearances) {
    it(`reports ${what}, once`, async () => {
      for (const name of prepare) {
        if (name === 'link') symlinkSync('d', at(name));
        else mkdirSync(at(name), { recursive: true });
      }
      expect(await start(['other', missing])).to.equal(true);
      act();
      const watchId = await first();
      writeFileSync(at('other'), '');
      await settled();
      expect(reported).to.deep.equal([watchId]);
    });
  }

  it('reports a file whose parents are created one by one', async () => {
    expect(await start(['x/y/z/a'])).to.equal(true);
    for (const name of ['x', 'x/y', 'x/y/z']) {
      mkdirSync(at(name));
      await settled();
    }
    expect(reported).to.deep.equal([]);
    writeFileSync(at('x/y/z/a'), '');
    await first();
  });

  it('reports a file in a directory that was replaced', async () => {
    mkdirSync(at('d'));
    expect(await start(['d/a'])).to.equal(true);
    rmdirSync(at('d'));
    await settled();
    mkdirSync(at('d'));
    await settled();
    renameSync(at('d'), at('old'));
    mkdirSync(at('d'));
    await settled();
    writeFileSync(at('old/a'), '');
    await settled();
    expect(reported).to.deep.equal([]);
    writeFileSync(at('d/a'), '');
    await first();
  });

  it('reports that the present path is gone, but not changes in it', async () => {
    mkdirSync(at('d'));
    expect(await start(['a'], 'd')).to.equal(true);
    writeFileSync(at('d/new'), '');
    writeFileSync(at('unrelated'), '');
    await settled();
    expect(reported).to.deep.equal([]);
    rmSync(at('d'), { recursive: true });
    await first();
  });

  it('does not watch if the state differs already', async () => {
    writeFileSync(at('f'), '');
    const many = Array.from({ length: 65 }, (_, index) => `missing${index}`);
    expect([
      await start(['a', 'f']),
      await start(['a'], 'gone'),
      await start([]),
      await start([], 'f'),
      await start(many),
      await start(many.slice(1)),
    ]).to.deep.equal([false, false, false, false, false, true]);
  });

  it('watches only the paths with the highest number', async () => {
    expect([
      await start(['a'], undefined, 5),
      await start(['b'], undefined, 5),
      await start(['b'], undefined, 4),
    ]).to.deep.equal([true, false, false]);
    expect(await start(['c'], undefined, 6)).to.equal(true);
    writeFileSync(at('a'), '');
    await settled();
    expect(reported).to.deep.equal([]);
    writeFileSync(at('c'), '');
    expect(await first()).to.equal(6);
  });

  it('does not watch the earlier one of two concurrent calls', async () => {
    const [earlier, later] = await Promise.all([start(['a']), start(['b'])]);
    expect([earlier, later]).to.deep.equal([false, true]);
  });

  it('polls where the system reports no changes', async () => {
    watching(5);
    mkdirSync(at('d'));
    mkdirSync(at('e/x'), { recursive: true });
    symlinkSync('d', at('link'));
    expect(await start(['link/x'])).to.equal(true);
    // No event occurs in the directory that the link led to.
    symlinkSync('e', at('new'));
    renameSync(at('new'), at('link'));
    await first();
  });

  it('reports nothing after a stop', async () => {
    expect(await start(['a'])).to.equal(true);
    watch.stop();
    writeFileSync(at('a'), '');
    await settled();
    expect(reported).to.deep.equal([]);
  });
});

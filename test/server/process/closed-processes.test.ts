import { expect } from 'chai';
import { ClosedProcesses } from '../../../src/server/process/closed-processes.ts';
import { MAX_CLOSED_BYTES, MAX_CLOSED_PROCESSES } from '../../../src/server/process/limits.ts';
import { until } from '../../support/until.ts';
import { fakeProcess } from './support/fake-process.ts';

const MIB = 1024 * 1024;
const LONG_MS = 60_000;

describe('ClosedProcesses', () => {
  let closed: ClosedProcesses;

  beforeEach(() => {
    closed = new ClosedProcesses();
  });

  afterEach(() => {
    for (const id of ids()) closed.forget(id);
  });

  const ids = () => closed.all().map(({ options }) => options.processId);

  /** A closed process that retains so many bytes of output, in one chunk. */
  const ended = async (processId: string, bytes = 0) => {
    const { managed, print, endStreams, exit } = fakeProcess({ processId, retainedBytes: 64 * MIB });
    if (bytes > 0) await print('x'.repeat(bytes));
    await endStreams();
    exit(0);
    await managed.closed;
    return managed;
  };

  it('finds kept processes by id and lists the oldest first', async () => {
    const [first, second] = [await ended('first'), await ended('second')];
    closed.keep(second, LONG_MS);
    closed.keep(first, LONG_MS);
    expect(ids()).to.deep.equal(['second', 'first']);
    expect([
      closed.get('first') === first,
      closed.get('second') === second,
      closed.get('third'),
    ]).to.deep.equal([true, true, undefined]);
  });

  it('forgets a process on request and ignores unknown ids', async () => {
    closed.keep(await ended('one'), LONG_MS);
    closed.keep(await ended('other'), LONG_MS);
    closed.forget('one');
    closed.forget('one');
    closed.forget('never');
    expect([ids(), closed.get('one')]).to.deep.equal([['other'], undefined]);
  });

  it('forgets a process when its time is over', async () => {
    closed.keep(await ended('long'), LONG_MS);
    closed.keep(await ended('short'), 20);
    const before = ids();
    await until(() => ids().length === 1, 'the process is still kept');
    expect([before, ids()]).to.deep.equal([['long', 'short'], ['long']]);
  });

  it('replaces a process of the same id, with the time of the new one', async () => {
    const [early, late] = [await ended('same'), await ended('same')];
    closed.keep(early, 20);
    closed.keep(await ended('between'), 60);
    closed.keep(late, LONG_MS);
    const before = ids();
    await until(() => ids().length === 1, 'the process is still kept');
    expect([before, ids(), closed.get('same') === late]).to.deep.equal([['between', 'same'], ['same'], true]);
  });

  it(`keeps ${MAX_CLOSED_PROCESSES} processes and forgets the oldest for another one`, async () => {
    const all = Array.from({ length: MAX_CLOSED_PROCESSES + 2 }, (_, at) => `p${at}`);
    for (const id of all) closed.keep(await ended(id), LONG_MS);
    expect(ids()).to.deep.equal(all.slice(2));
  });

  it(`keeps ${MAX_CLOSED_BYTES / MIB} MiB of output and forgets the oldest until the rest fits`, async () => {
    const half = MAX_CLOSED_BYTES / 2;
    closed.keep(await ended('oldest', MIB), LONG_MS);
    closed.keep(await ended('empty'), LONG_MS);
    closed.keep(await ended('half', half - MIB), LONG_MS);
    const fitting = ids();
    closed.keep(await ended('newest', half), LONG_MS);
    expect([fitting, ids()]).to.deep.equal([
      ['oldest', 'empty', 'half'],
      ['empty', 'half', 'newest'],
    ]);
  });

  it('keeps the newest process alone if its output exceeds the limit', async () => {
    closed.keep(await ended('old', 10), LONG_MS);
    closed.keep(await ended('huge', MAX_CLOSED_BYTES + 1), LONG_MS);
    const alone = ids();
    closed.keep(await ended('next'), LONG_MS);
    expect([alone, ids()]).to.deep.equal([['huge'], ['next']]);
  });
});

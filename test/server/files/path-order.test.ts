import { expect } from 'chai';
import fc from 'fast-check';
import type { ExecServerError } from '../../../src/protocol/errors.ts';
import { MAX_WAITING_FILE_REQUESTS } from '../../../src/server/files/limits.ts';
import { handleUse, PathOrder, type PathUse, pathUse } from '../../../src/server/files/path-order.ts';
import { settle } from '../support/slow-client.ts';

const read = (path: string): PathUse => pathUse(path, false, 'linux');
const write = (path: string): PathUse => pathUse(path, true, 'linux');

/** An order with requests whose ends are decided here; `events` has their beginnings. */
const scene = () => {
  const order = new PathOrder();
  const events: string[] = [];
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  const ask = (name: string, ...uses: PathUse[]): Promise<void> =>
    order.run(uses, () => {
      events.push(name);
      return new Promise<void>((resolve, reject) => ends.set(name, { resolve, reject }));
    });
  const end = async (name: string) => {
    ends.get(name)?.resolve();
    await settle();
  };
  return { order, events, ask, end, ends };
};

describe('PathOrder', () => {
  it('runs a request synchronously if it conflicts with none', () => {
    const { events, ask } = scene();
    void ask('a', write('/a'));
    void ask('b', write('/b'));
    void ask('none');
    expect(events).to.deep.equal(['a', 'b', 'none']);
  });

  for (const [relation, other] of [
    ['the same path', '/a/b'],
    ['a path above it', '/a'],
    ['a path below it', '/a/b/c'],
    ['the root', '/'],
  ] as const) {
    it(`delays a request after an earlier one about ${relation}, unless both read`, async () => {
      const { events, ask, end } = scene();
      void ask('read', read('/a/b'));
      void ask('read too', read(other));
      void ask('write', write(other));
      void ask('read again', read('/a/b'));
      expect(events).to.deep.equal(['read', 'read too']);
      await end('read');
      expect(events).to.have.length(2);
      await end('read too');
      expect(events).to.deep.equal(['read', 'read too', 'write']);
      await end('write');
      expect(events).to.deep.equal(['read', 'read too', 'write', 'read again']);
    });
  }

  it('does not confuse paths whose names start with the same text', () => {
    const { events, ask } = scene();
    for (const path of ['/a', '/ab', '/a.b', '/A', '/b/a']) void ask(path, write(path));
    expect(events).to.have.length(5);
  });

  it('compares paths that are not UTF-8 by their bytes', () => {
    const { events, ask } = scene();
    void ask('bytes', pathUse(Buffer.from([0x2f, 0xff]), true, 'linux'));
    void ask('text', write('/\ufffd'));
    void ask('latin', write('/ÿ'));
    void ask('again', pathUse(Buffer.from([0x2f, 0xff]), false, 'linux'));
    expect(events).to.deep.equal(['bytes', 'text', 'latin']);
  });

  it('ignores case on Windows and macOS', () => {
    const { events, ask } = scene();
    void ask('C', pathUse('C:\\Dir', true, 'win32'));
    void ask('c', pathUse('c:\\dir\\file', true, 'win32'));
    void ask('mac', pathUse('/Dir', true, 'darwin'));
    void ask('MAC', pathUse('/dir', true, 'darwin'));
    expect(events).to.deep.equal(['C', 'mac']);
  });

  it('distinguishes handles from each other and from paths', () => {
    const { events, ask } = scene();
    for (const id of ['', 'h', 'h/', '/', '\ud800', '\ufffd']) void ask(`handle ${id}`, handleUse(id));
    void ask('path', write('/'));
    void ask('handle again', handleUse('h'));
    expect(events).to.have.length(7);
  });

  it('continues after a request that fails', async () => {
    const { events, ask, ends } = scene();
    const failed = ask('fails', write('/a')).catch((error: Error) => error.message);
    void ask('next', read('/a'));
    ends.get('fails')?.reject(new Error('no'));
    expect(await failed).to.equal('no');
    await settle();
    expect(events).to.deep.equal(['fails', 'next']);
  });

  it('limits the waiting requests, but not those that need not wait', async () => {
    const { events, ask } = scene();
    void ask('first', write('/a'));
    for (let at = 0; at < MAX_WAITING_FILE_REQUESTS; at += 1) void ask(`waits ${at}`, read('/a'));
    const refused = await ask('one more', read('/a')).catch((error: ExecServerError) => error.data);
    void ask('other', write('/b'));
    expect(refused).to.deep.equal({
      kind: 'limitExceeded',
      limit: 'waitingFileRequests',
      current: MAX_WAITING_FILE_REQUESTS + 1,
      max: MAX_WAITING_FILE_REQUESTS,
    });
    expect(events).to.deep.equal(['first', 'other']);
  });

  it('runs every request, none before an earlier one that it conflicts with', async () => {
    const path = fc.array(fc.constantFrom('a', 'b'), { maxLength: 3 }).map(names => `/${names.join('/')}`);
    const use = fc.record({ path, writes: fc.boolean() });
    const requests = fc.array(fc.array(use, { maxLength: 2 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(requests, fc.infiniteStream(fc.nat(4)), async (all, turns) => {
        const order = new PathOrder();
        const done = new Set<number>();
        const under = (one: string, other: string) => `${other}/`.startsWith(one === '/' ? one : `${one}/`);
        const conflicts = (a: number, b: number) =>
          all[a]?.some(x =>
            all[b]?.some(y => (x.writes || y.writes) && (under(x.path, y.path) || under(y.path, x.path))),
          );
        await Promise.all(
          all.map((uses, at) =>
            order.run(
              uses.map(({ path: used, writes }) => pathUse(used, writes, 'linux')),
              async () => {
                for (let earlier = 0; earlier < at; earlier += 1) {
                  if (!done.has(earlier) && conflicts(earlier, at))
                    throw new Error(`${at} before ${earlier}`);
                }
                for (let turn = turns.next().value; turn > 0; turn -= 1) await Promise.resolve();
                done.add(at);
              },
            ),
          ),
        );
        expect(done.size).to.equal(all.length);
      }),
    );
  });
});

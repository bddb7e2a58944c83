import { expect } from 'chai';
import type { ExecClient } from '../../../src/core/exec-client.ts';
import { MAX_REMEMBERED_ENDS, UNIFIED_EXEC_LIMITS } from '../../../src/core/unified-exec/limits.ts';
import { ExecSession } from '../../../src/core/unified-exec/session.ts';
import { Sessions } from '../../../src/core/unified-exec/sessions.ts';
import { connectEmbedded } from '../../../src/embedded/index.ts';

const facts = { environment: 'here', command: 'true', tty: false, stdin: false, drainMs: 0 };

/** One whose process is still on its way. */
const running = () => new ExecSession(new Promise(() => {}), facts, 2);

/** One whose start fails. */
const failing = () => new ExecSession(Promise.reject(new Error('failed')), facts, 2);

const limits = { ...UNIFIED_EXEC_LIMITS, maxSessions: 4, warnAtSessions: 3, protectedSessions: 2 };

const full = (...sessions: ExecSession[]) => {
  const store = new Sessions(limits);
  for (const session of sessions) store.add(session);
  return store;
};

const ids = (store: Sessions) => store.all().map(([sessionId]) => sessionId);

const refusal = (store: Sessions, sessionId: number): string => {
  try {
    store.use(sessionId);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was there');
};

describe('Sessions', () => {
  let client: ExecClient;

  before(async () => {
    client = await connectEmbedded();
  });

  after(() => client.close());

  /** One whose process has ended. */
  const over = async () => {
    const session = new ExecSession(client.start({ argv: ['true'] }), facts, 2);
    await session.over;
    return session;
  };

  it('gives each session an id of its own, and lists them by their last use', () => {
    const store = new Sessions(limits);
    const [one, other] = [running(), running()];
    expect([store.add(one), store.add(other)].map(({ sessionId }) => sessionId)).to.deep.equal([1, 2]);
    expect(store.use(1)).to.equal(one);
    expect(store.all()).to.deep.equal([
      [2, other],
      [1, one],
    ]);
  });

  it('warns when they are getting many', () => {
    const store = full(running());
    expect([store.add(running()).warning, store.add(running()).warning]).to.deep.equal([
      undefined,
      '3 of at most 4 sessions are open: end those that are no longer needed',
    ]);
  });

  it('lets the one used longest ago go for a new one, and says which', () => {
    const store = full(running(), running(), running(), running());
    store.use(1);
    expect(store.add(running())).to.deep.equal({
      sessionId: 5,
      warning: 'session 2 was ended to make room: at most 4 can be open',
    });
    expect(ids(store)).to.deep.equal([3, 4, 1, 5]);
  });

  it('lets one that is over go first, unless it was used lately', async () => {
    const store = full(running(), await over(), running(), await over());
    store.add(running());
    expect(ids(store)).to.deep.equal([1, 3, 4, 5]);
    store.add(running());
    expect(ids(store)).to.deep.equal([3, 4, 5, 6]);
  });

  it('lets one that nobody waits for go before one that is awaited, if it can', async () => {
    const [one, other] = [running(), running()];
    const store = full(one, other, running(), running());
    const controller = new AbortController();
    const waits = [one.wait(60_000, controller.signal)];
    store.add(running());
    expect(ids(store)).to.deep.equal([1, 3, 4, 5]);
    for (const [, session] of store.all()) waits.push(session.wait(60_000, controller.signal));
    store.add(running());
    expect(ids(store)).to.deep.equal([3, 4, 5, 6]);
    controller.abort();
    await Promise.all(waits);
  });

  it('drops one that failed at once, and tells how, once', async () => {
    const store = full(running(), running());
    const session = failing();
    store.add(session);
    await session.over;
    expect(ids(store)).to.deep.equal([1, 2]);
    expect([refusal(store, 3), refusal(store, 3)]).to.deep.equal([
      'failed',
      'there is no session 3: it has ended, and an earlier answer told how',
    ]);
  });

  it('makes room even where all of them are protected', () => {
    const store = new Sessions({ ...limits, maxSessions: 1, protectedSessions: 8 });
    store.add(running());
    store.add(running());
    expect(ids(store)).to.deep.equal([2]);
  });

  it('says why a session is not there', () => {
    const store = full(running(), running(), running());
    store.remove(1, 'answered');
    store.remove(2, 'ended');
    store.remove(3, 'replaced');
    expect([1, 2, 3, 4].map(sessionId => refusal(store, sessionId))).to.deep.equal([
      'there is no session 1: it has ended, and an earlier answer told how',
      'there is no session 2: it was ended on request',
      'there is no session 3: it was ended to make room for a new one',
      'there is no session 4: there never was one with this id',
    ]);
  });

  it('remembers the ends of the last ones only', () => {
    const store = new Sessions(limits);
    for (let count = 0; count <= MAX_REMEMBERED_ENDS; count += 1) {
      store.remove(store.add(running()).sessionId, 'ended');
    }
    expect([1, 2].map(sessionId => refusal(store, sessionId))).to.deep.equal([
      'there is no session 1: it is long gone',
      'there is no session 2: it was ended on request',
    ]);
  });
});

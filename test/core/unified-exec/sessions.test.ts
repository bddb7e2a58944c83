import { expect } from 'chai';
import type { ExecClient } from '../../../src/core/exec-client.ts';
import { CommandSession } from '../../../src/core/unified-exec/command-session.ts';
import { MAX_REMEMBERED_ENDS, UNIFIED_EXEC_LIMITS } from '../../../src/core/unified-exec/limits.ts';
import { Sessions } from '../../../src/core/unified-exec/sessions.ts';
import { connectEmbedded } from '../../../src/embedded/index.ts';

const facts = { environment: 'here', command: 'true', tty: false, stdin: false, drainMs: undefined };
const kept = { keptBytes: 2, backgroundYieldMs: 1 };

/** One whose process is still on its way. */
const running = () => new CommandSession(new Promise(() => {}), facts, kept);

/** One whose start fails. */
const failing = () => new CommandSession(Promise.reject(new Error('failed')), facts, kept);

const limits = { ...UNIFIED_EXEC_LIMITS, maxSessions: 4, warnAtSessions: 3, protectedSessions: 2 };

const full = (...sessions: CommandSession[]) => {
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
    const session = new CommandSession(client.start({ argv: ['true'] }), facts, kept);
    await session.over;
    return session;
  };

  it('gives each session a new id, and lists them by last use', () => {
    const store = new Sessions(limits);
    const [one, other] = [running(), running()];
    expect([store.add(one), store.add(other)].map(({ sessionId }) => sessionId)).to.deep.equal([1, 2]);
    expect(store.use(1)).to.equal(one);
    expect(store.all()).to.deep.equal([
      [2, other],
      [1, one],
    ]);
  });

  it('removes those whose caller knows all about them before it warns', async () => {
    const [answered, unread] = [await over(), await over()];
    answered.take(0);
    const store = full(answered, unread);
    expect(store.add(running()).warning).to.equal(undefined);
    expect([ids(store), refusal(store, 1)]).to.deep.equal([
      [2, 3],
      'unknown session 1: it has ended, and an earlier result had its exit code',
    ]);
  });

  it('warns when many are open', () => {
    const store = full(running());
    expect([store.add(running()).warning, store.add(running()).warning]).to.deep.equal([
      undefined,
      '3 of at most 4 sessions are open: end those that are no longer needed',
    ]);
  });

  it('ends the least recently used one for a new one, and names it', () => {
    const store = full(running(), running(), running(), running());
    store.use(1);
    expect(store.add(running())).to.deep.equal({
      sessionId: 5,
      warning: 'session 2 was ended to make room: at most 4 can be open',
    });
    expect(ids(store)).to.deep.equal([3, 4, 1, 5]);
  });

  it('ends one whose process has ended first, unless it was used recently', async () => {
    const store = full(running(), await over(), running(), await over());
    store.add(running());
    expect(ids(store)).to.deep.equal([1, 3, 4, 5]);
    store.add(running());
    expect(ids(store)).to.deep.equal([3, 4, 5, 6]);
  });

  it('prefers to end one without a pending call', async () => {
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

  it('removes a failed one immediately, and throws its error once', async () => {
    const store = full(running(), running());
    const session = failing();
    store.add(session);
    await session.over;
    expect(ids(store)).to.deep.equal([1, 2]);
    expect([refusal(store, 3), refusal(store, 3)]).to.deep.equal([
      'failed',
      'unknown session 3: it has ended, and an earlier result had its exit code',
    ]);
  });

  it('makes room even if all are protected', () => {
    const store = new Sessions({ ...limits, maxSessions: 1, protectedSessions: 8 });
    store.add(running());
    store.add(running());
    expect(ids(store)).to.deep.equal([2]);
  });

  it('gives the reason for a missing session', () => {
    const store = full(running(), running(), running());
    store.remove(1, 'answered');
    store.remove(2, 'ended');
    store.remove(3, 'replaced');
    expect([1, 2, 3, 4].map(sessionId => refusal(store, sessionId))).to.deep.equal([
      'unknown session 1: it has ended, and an earlier result had its exit code',
      'unknown session 2: it was ended on request',
      'unknown session 3: it was ended to make room for a new one',
      'unknown session 4: no session has had this id',
    ]);
  });

  it('remembers only the latest ends', () => {
    const store = new Sessions(limits);
    for (let count = 0; count <= MAX_REMEMBERED_ENDS; count += 1) {
      store.remove(store.add(running()).sessionId, 'ended');
    }
    expect([1, 2].map(sessionId => refusal(store, sessionId))).to.deep.equal([
      'unknown session 1: it ended earlier and is no longer remembered',
      'unknown session 2: it was ended on request',
    ]);
  });
});

import { expect } from 'chai';
import { ResponseError } from 'vscode-jsonrpc/node';
import { limitExceeded } from '../../../src/protocol/errors.ts';
import { createAnswer } from '../../../src/server/connection/dispatch.ts';
import type { Handlers } from '../../../src/server/connection/handlers.ts';
import { Session } from '../../../src/server/connection/handshake.ts';

/** An open connection with the given handlers; what they are called with, and what is told of their defects. */
const opened = (handlers: Partial<Handlers> = {}, session = openSession()) => {
  const defects: unknown[] = [];
  const answer = createAnswer(handlers as Handlers, session, error => defects.push(error));
  return {
    defects,
    /** The result, or the error that takes its place. */
    ask: async (method: string, params?: unknown) => {
      const answered = await answer(method, params);
      if (!(answered instanceof ResponseError)) return answered;
      return { code: answered.code, message: answered.message, data: answered.data };
    },
  };
};

const openSession = (): Session => {
  const session = new Session();
  session.initialize();
  session.initialized();
  return session;
};

describe('createAnswer', () => {
  it('answers with what the handler returns or resolves to', async () => {
    const { ask } = opened({
      'process/terminate': () => ({ running: true }),
      'process/signal': async () => ({}),
    });
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal({ running: true });
    expect(await ask('process/signal', { processId: '1', signal: 'INT' })).to.deep.equal({});
  });

  it('hands the handler params that are checked and complete', async () => {
    const received: unknown[] = [];
    const { ask } = opened({
      'process/write': params => {
        received.push(params);
        return { status: 'accepted' };
      },
    });
    await ask('process/write', { processId: '1', chunk: 'b2s=', writeId: null, unknown: 1 });
    expect(received).to.deep.equal([{ processId: '1', chunk: Buffer.from('ok'), writeId: undefined }]);
  });

  for (const params of [undefined, null, {}]) {
    it(`takes params ${JSON.stringify(params)} for no params`, async () => {
      const { ask } = opened({ 'environment/info': params => params as never });
      expect(await ask('environment/info', params)).to.deep.equal({});
    });
  }

  it('refuses a method that there is not', async () => {
    const { ask, defects } = opened();
    for (const method of ['process/frobnicate', 'toString', '__proto__', '']) {
      expect(await ask(method)).to.deep.equal({
        code: -32601,
        message: `unknown method ${method}`,
        data: { kind: 'unknownMethod', method },
      });
    }
    expect(defects).to.deep.equal([]);
  });

  it('refuses params that are not right, and names the field', async () => {
    const { ask, defects } = opened({ 'process/terminate': () => ({ running: true }) });
    expect(await ask('process/terminate', { processId: 7 })).to.deep.equal({
      code: -32602,
      message: 'processId: expected string, received number',
      data: { kind: 'invalidParams', field: 'processId' },
    });
    expect(await ask('process/terminate', ['1'])).to.deep.include({ code: -32602 });
    expect(defects).to.deep.equal([]);
  });

  it('refuses what comes too early, right or wrong, and says what is missing', async () => {
    const session = new Session();
    const { ask } = opened({ 'process/terminate': () => ({ running: true }) }, session);
    const tooEarly = (missing: string) => ({
      code: -32600,
      message: `process/terminate came before ${missing}: send ${missing} first`,
      data: { kind: 'notInitialized', missing },
    });
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal(tooEarly('initialize'));
    session.initialize();
    expect(await ask('process/terminate', 'wrong')).to.deep.equal(tooEarly('initialized'));
    session.initialized();
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal({ running: true });
  });

  it('answers an error of ours in full', async () => {
    const { ask, defects } = opened({
      'process/terminate': () => {
        throw limitExceeded('things', 3, 2);
      },
    });
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal({
      code: -32600,
      message: 'things: 3 is over the limit of 2',
      data: { kind: 'limitExceeded', limit: 'things', current: 3, max: 2 },
    });
    expect(defects).to.deep.equal([]);
  });

  class TokenError extends TypeError {
    override readonly name = 'TokenError';
    readonly code = 'ESECRET';
    readonly data = { token: 'secret' };
  }
  const unforeseen: Array<[title: string, thrown: unknown, told: string]> = [
    ['an error', new Error('API_KEY=secret'), 'Error'],
    ['an error of another class', new TokenError('secret'), 'TokenError'],
    ['an error with a code of its own', Object.assign(new Error('secret'), { code: -1 }), 'Error'],
    ['a text', 'secret', 'string'],
    ['nothing', undefined, 'undefined'],
  ];
  for (const [title, thrown, told] of unforeseen) {
    it(`does not tell the client what an unforeseen error says, as that may be anything: ${title}`, async () => {
      const handlers: Partial<Handlers> = {
        'process/terminate': () => {
          throw thrown;
        },
        'process/signal': () => Promise.reject(thrown),
      };
      const { ask, defects } = opened(handlers);
      const internal = { code: -32603, message: `internal error (${told})`, data: { kind: 'internal' } };
      expect(await ask('process/terminate', { processId: '1' })).to.deep.equal(internal);
      expect(await ask('process/signal', { processId: '1', signal: 'INT' })).to.deep.equal(internal);
      expect(defects).to.deep.equal([thrown, thrown]);
    });
  }
});

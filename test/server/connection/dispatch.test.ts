import { expect } from 'chai';
import { ResponseError } from 'vscode-jsonrpc/node';
import { limitExceeded } from '../../../src/protocol/errors.ts';
import { createDispatch } from '../../../src/server/connection/dispatch.ts';
import { Handshake } from '../../../src/server/connection/handshake.ts';
import type { Handlers } from '../../../src/server/session/handlers.ts';

/** An initialized connection with the given handlers, and the internal errors that it reports. */
const opened = (handlers: Partial<Handlers> = {}, handshake = completeHandshake()) => {
  const defects: unknown[] = [];
  const dispatch = createDispatch(handlers as Handlers, handshake, error => defects.push(error));
  return {
    defects,
    /** Result or error of a request. */
    ask: async (method: string, params?: unknown) => {
      const answered = await dispatch(method, params);
      if (!(answered instanceof ResponseError)) return answered;
      return { code: answered.code, message: answered.message, data: answered.data };
    },
  };
};

const completeHandshake = (): Handshake => {
  const handshake = new Handshake();
  handshake.initialize();
  handshake.initialized();
  return handshake;
};

describe('createDispatch', () => {
  it('answers with the value that the handler returns or resolves to', async () => {
    const { ask } = opened({
      'process/terminate': () => ({ running: true }),
      'process/signal': async () => ({}),
    });
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal({ running: true });
    expect(await ask('process/signal', { processId: '1', signal: 'INT' })).to.deep.equal({});
  });

  it('passes parsed params with defaults to the handler', async () => {
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
    it(`accepts ${JSON.stringify(params)} as empty params`, async () => {
      const { ask } = opened({ 'environment/info': params => params as never });
      expect(await ask('environment/info', params)).to.deep.equal({});
    });
  }

  it('refuses an unknown method', async () => {
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

  it('refuses invalid params and names the field', async () => {
    const { ask, defects } = opened({ 'process/terminate': () => ({ running: true }) });
    expect(await ask('process/terminate', { processId: 7 })).to.deep.equal({
      code: -32602,
      message: 'processId: expected string, received number',
      data: { kind: 'invalidParams', field: 'processId' },
    });
    expect(await ask('process/terminate', ['1'])).to.deep.include({ code: -32602 });
    expect(defects).to.deep.equal([]);
  });

  it('refuses any request before the handshake, and names the missing message', async () => {
    const handshake = new Handshake();
    const { ask } = opened({ 'process/terminate': () => ({ running: true }) }, handshake);
    const tooEarly = (missing: string) => ({
      code: -32600,
      message: `process/terminate was received before ${missing}: send ${missing} first`,
      data: { kind: 'notInitialized', missing },
    });
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal(tooEarly('initialize'));
    handshake.initialize();
    expect(await ask('process/terminate', 'wrong')).to.deep.equal(tooEarly('initialized'));
    handshake.initialized();
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal({ running: true });
  });

  it('answers with the code, message and data of an ExecServerError', async () => {
    const { ask, defects } = opened({
      'process/terminate': () => {
        throw limitExceeded('things', 3, 2);
      },
    });
    expect(await ask('process/terminate', { processId: '1' })).to.deep.equal({
      code: -32600,
      message: 'things: 3 exceeds the limit of 2',
      data: { kind: 'limitExceeded', limit: 'things', current: 3, max: 2 },
    });
    expect(defects).to.deep.equal([]);
  });

  class TokenError extends TypeError {
    override readonly name = 'TokenError';
    readonly code = 'ESECRET';
    readonly data = { token: 'secret' };
  }
  const unexpected: Array<[title: string, thrown: unknown, type: string]> = [
    ['an error', new Error('API_KEY=secret'), 'Error'],
    ['an error of another class', new TokenError('secret'), 'TokenError'],
    ['an error with a code of its own', Object.assign(new Error('secret'), { code: -1 }), 'Error'],
    ['a string', 'secret', 'string'],
    ['undefined', undefined, 'undefined'],
  ];
  for (const [title, thrown, type] of unexpected) {
    it(`answers an unexpected error by its type, never its message: ${title}`, async () => {
      const handlers: Partial<Handlers> = {
        'process/terminate': () => {
          throw thrown;
        },
        'process/signal': () => Promise.reject(thrown),
      };
      const { ask, defects } = opened(handlers);
      const internal = { code: -32603, message: `internal error (${type})`, data: { kind: 'internal' } };
      expect(await ask('process/terminate', { processId: '1' })).to.deep.equal(internal);
      expect(await ask('process/signal', { processId: '1', signal: 'INT' })).to.deep.equal(internal);
      expect(defects).to.deep.equal([thrown, thrown]);
    });
  }
});

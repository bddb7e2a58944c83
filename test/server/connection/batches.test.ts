import { expect } from 'chai';
import type { Message } from 'vscode-jsonrpc/node';
import { ResponseError } from 'vscode-jsonrpc/node';
import { invalidMessage } from '../../../src/protocol/errors.ts';
import { MessageRefused } from '../../../src/protocol/framing/message-parser.ts';
import { createBatchHandler } from '../../../src/server/connection/batches.ts';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';

/** A handler whose requests are answered with their own params, and a record of its calls. */
const recording = (maxBytes = 1000, budgetBytes = Number.POSITIVE_INFINITY) => {
  const answerMemory = new MemoryBudget(budgetBytes).share('parts');
  const notified: string[] = [];
  const sent: unknown[] = [];
  const started: string[] = [];
  const handle = createBatchHandler({
    dispatch: async (method, params, message) => {
      if (method === 'traced') return message?.trace;
      started.push(method);
      if (method === 'late') await new Promise(setImmediate);
      return method === 'wrong' ? new ResponseError(-32602, 'wrong', { kind: 'invalidParams' }) : params;
    },
    onNotification: method => notified.push(method),
    errorAnswer: (error, id) => ({ jsonrpc: '2.0', id, error: { code: error.code, message: error.message } }),
    send: json => sent.push(JSON.parse(json)),
    maxBytes,
    requestMemory: { take: () => undefined, release: () => {} },
    answerMemory,
  });
  return { handle, notified, sent, started };
};

const request = (id: number, method: string, params: object = {}) =>
  ({ id, method, params }) as unknown as Message;

describe('createBatchHandler', () => {
  it('passes the other members of each request', async () => {
    const { handle, sent } = recording();
    await handle([{ ...request(1, 'traced'), trace: { n: 1 } } as Message]);
    expect(sent).to.deep.equal([[{ jsonrpc: '2.0', id: 1, result: { n: 1 } }]]);
  });

  it('answers with errors without memory to hold answers until the last is ready', async () => {
    const { handle, sent } = recording(1000, 6 * 100);
    await handle([request(1, 'soon', { a: 'x'.repeat(50) }), request(2, 'soon', { a: 'x'.repeat(50) })]);
    expect(sent).to.deep.equal([
      [
        { jsonrpc: '2.0', id: 1, result: { a: 'x'.repeat(50) } },
        {
          jsonrpc: '2.0',
          id: 2,
          error: { code: -32600, message: 'answerBytes: 184 exceeds the limit of 100' },
        },
      ],
    ]);
  });

  it('answers all requests of a batch in one array, in their order', async () => {
    const { handle, sent, started, notified } = recording();
    await handle([
      request(1, 'late', { a: 1 }),
      { jsonrpc: '2.0', method: 'initialized' } as Message,
      request(2, 'wrong'),
      new MessageRefused(3, invalidMessage('malformed')),
      { jsonrpc: '2.0', id: 9, result: null } as Message,
      request(4, 'soon'),
    ]);
    expect({ started, notified }).to.deep.equal({
      started: ['late', 'wrong', 'soon'],
      notified: ['initialized'],
    });
    expect(sent).to.deep.equal([
      [
        { jsonrpc: '2.0', id: 1, result: { a: 1 } },
        { jsonrpc: '2.0', id: 2, error: { code: -32602, message: 'wrong', data: { kind: 'invalidParams' } } },
        { jsonrpc: '2.0', id: 3, error: { code: -32600, message: 'malformed' } },
        { jsonrpc: '2.0', id: 4, result: {} },
      ],
    ]);
  });

  it('yields to other work while it starts many requests', async () => {
    const events: string[] = [];
    const handle = createBatchHandler({
      dispatch: async method => {
        // More than a time slice in total, on any machine.
        for (const end = performance.now() + 2; performance.now() < end; );
        events.push(method);
        return {};
      },
      onNotification: () => {},
      errorAnswer: () => ({}),
      send: () => events.push('sent'),
      maxBytes: 10_000,
      requestMemory: { take: () => undefined, release: () => {} },
      answerMemory: new MemoryBudget(Number.POSITIVE_INFINITY).share('parts'),
    });
    setImmediate(() => events.push('other'));
    const methods = Array.from({ length: 20 }, (_, at) => `m${at}`);
    await handle(
      methods.map((method, id) => request(id, method)),
      () => events.push('started'),
    );
    expect(events.filter(event => event !== 'other')).to.deep.equal([...methods, 'started', 'sent']);
    expect(events.indexOf('other')).to.be.below(events.indexOf('started'));
  });

  it('sends nothing for a batch without requests', async () => {
    const { handle, sent } = recording();
    await handle([{ jsonrpc: '2.0', method: 'initialized' } as Message]);
    expect(sent).to.deep.equal([]);
  });

  it('replaces an answer that exceeds the limit of a batch', async () => {
    const { handle, sent } = recording(200);
    await handle([
      request(1, 'm', { text: 'x'.repeat(100) }),
      request(2, 'm', { text: 'ä'.repeat(60) }),
      request(3, 'm'),
    ]);
    const bytes = (id: number, text: string) =>
      Buffer.byteLength(JSON.stringify({ jsonrpc: '2.0', id, result: { text } }));
    const total = bytes(1, 'x'.repeat(100)) + bytes(2, 'ä'.repeat(60));
    expect(sent).to.deep.equal([
      [
        { jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(100) } },
        {
          jsonrpc: '2.0',
          id: 2,
          error: { code: -32600, message: `batchBytes: ${total} exceeds the limit of 200` },
        },
        { jsonrpc: '2.0', id: 3, result: {} },
      ],
    ]);
  });
});

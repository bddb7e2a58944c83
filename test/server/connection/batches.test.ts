import { expect } from 'chai';
import type { Message } from 'vscode-jsonrpc/node';
import { ResponseError } from 'vscode-jsonrpc/node';
import { invalidMessage } from '../../../src/protocol/errors.ts';
import { MessageRefused } from '../../../src/protocol/framing/message-parser.ts';
import { createBatchHandler } from '../../../src/server/connection/batches.ts';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';

/** A handler whose requests answer with their own params, and what it did. */
const recording = (maxBytes = 1000, budgetBytes = Number.POSITIVE_INFINITY) => {
  const answerMemory = new MemoryBudget(budgetBytes).share('parts');
  const notified: string[] = [];
  const sent: unknown[] = [];
  const begun: string[] = [];
  const handle = createBatchHandler({
    answer: async (method, params) => {
      begun.push(method);
      if (method === 'late') await new Promise(setImmediate);
      return method === 'wrong' ? new ResponseError(-32602, 'wrong', { kind: 'invalidParams' }) : params;
    },
    notified: method => notified.push(method),
    errorAnswer: (error, id) => ({ jsonrpc: '2.0', id, error: { code: error.code, message: error.message } }),
    send: json => sent.push(JSON.parse(json)),
    maxBytes,
    requestMemory: { take: () => undefined, release: () => {} },
    answerMemory,
  });
  return { handle, notified, sent, begun };
};

const request = (id: number, method: string, params: object = {}) =>
  ({ id, method, params }) as unknown as Message;

describe('createBatchHandler', () => {
  it('answers with errors where there is no memory to hold answers until the last is there', async () => {
    const { handle, sent } = recording(1000, 6 * 100);
    await handle([request(1, 'soon', { a: 'x'.repeat(50) }), request(2, 'soon', { a: 'x'.repeat(50) })]);
    expect(sent).to.deep.equal([
      [
        { jsonrpc: '2.0', id: 1, result: { a: 'x'.repeat(50) } },
        {
          jsonrpc: '2.0',
          id: 2,
          error: { code: -32600, message: 'answerBytes: 184 is over the limit of 100' },
        },
      ],
    ]);
  });

  it('answers all requests of a batch at once, in their order', async () => {
    const { handle, sent, begun, notified } = recording();
    await handle([
      request(1, 'late', { a: 1 }),
      { jsonrpc: '2.0', method: 'initialized' } as Message,
      request(2, 'wrong'),
      new MessageRefused(3, invalidMessage('not right')),
      { jsonrpc: '2.0', id: 9, result: null } as Message,
      request(4, 'soon'),
    ]);
    expect({ begun, notified }).to.deep.equal({
      begun: ['late', 'wrong', 'soon'],
      notified: ['initialized'],
    });
    expect(sent).to.deep.equal([
      [
        { jsonrpc: '2.0', id: 1, result: { a: 1 } },
        { jsonrpc: '2.0', id: 2, error: { code: -32602, message: 'wrong', data: { kind: 'invalidParams' } } },
        { jsonrpc: '2.0', id: 3, error: { code: -32600, message: 'not right' } },
        { jsonrpc: '2.0', id: 4, result: {} },
      ],
    ]);
  });

  it('lets other work in between where beginning its requests takes long', async () => {
    const events: string[] = [];
    const handle = createBatchHandler({
      answer: async method => {
        // More than a slice in all, whatever the machine.
        for (const end = performance.now() + 2; performance.now() < end; );
        events.push(method);
        return {};
      },
      notified: () => {},
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
      () => events.push('begun'),
    );
    expect(events.filter(event => event !== 'other')).to.deep.equal([...methods, 'begun', 'sent']);
    expect(events.indexOf('other')).to.be.below(events.indexOf('begun'));
  });

  it('sends nothing for a batch without requests', async () => {
    const { handle, sent } = recording();
    await handle([{ jsonrpc: '2.0', method: 'initialized' } as Message]);
    expect(sent).to.deep.equal([]);
  });

  it('replaces an answer that would make the batch too long', async () => {
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
          error: { code: -32600, message: `batchBytes: ${total} is over the limit of 200` },
        },
        { jsonrpc: '2.0', id: 3, result: {} },
      ],
    ]);
  });
});

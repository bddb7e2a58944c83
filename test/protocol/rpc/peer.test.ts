import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { ErrorCodes, type Message, ResponseError } from 'vscode-jsonrpc/node';
import { FrameMessageReader } from '../../../src/protocol/framing/message-reader.ts';
import { FrameMessageWriter } from '../../../src/protocol/framing/message-writer.ts';
import { FIRST_REQUEST_ID, Peer, type PeerHandlers } from '../../../src/protocol/rpc/peer.ts';
import { frame, settled } from '../framing/support.ts';
import { messagesOf } from './support.ts';

/** A peer on streams in memory, the bodies it sent, and a function that sends it messages. */
const connect = (handlers: Partial<PeerHandlers> = {}) => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const sent = messagesOf(output);
  let closed = 0;
  const peer = new Peer(
    new FrameMessageReader(input, { refused: () => {}, lost: () => {} }),
    new FrameMessageWriter(output),
    {
      onClose: () => {
        closed += 1;
      },
      ...handlers,
    },
  );
  peer.listen();
  const receive = (...messages: object[]) => {
    input.write(messages.map(message => frame(JSON.stringify({ jsonrpc: '2.0', ...message }))).join(''));
    return settled();
  };
  return { peer, input, output, sent, receive, closed: () => closed };
};

/** The error of a promise that rejects. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: unknown) => error,
  );

describe('Peer', () => {
  it('gives the first request the id FIRST_REQUEST_ID', async () => {
    const { peer, sent, receive } = connect();
    const answer = peer.request('m', { a: 1 });
    await settled();
    expect(sent).to.deep.equal([{ jsonrpc: '2.0', id: FIRST_REQUEST_ID, method: 'm', params: { a: 1 } }]);
    await receive({ id: FIRST_REQUEST_ID, result: 'done' });
    expect(await answer).to.equal('done');
  });

  it('answers two requests with the same id, each with its own result', async () => {
    const { sent, receive } = connect({ onRequest: async (method, params) => [method, params] });
    await receive({ id: 1, method: 'a', params: { n: 1 } }, { id: 1, method: 'b', params: { n: 2 } });
    await settled();
    expect(sent.map(message => (message as { result?: unknown }).result)).to.deep.equal([
      ['a', { n: 1 }],
      ['b', { n: 2 }],
    ]);
  });

  it('passes the other members of a request to its handler', async () => {
    const { sent, receive } = connect({
      onRequest: async (_method, _params, { id, trace }) => [id, trace ?? null],
    });
    await receive({ id: 1, method: 'a', trace: { n: 1 } }, { id: 'two', method: 'b' });
    await settled();
    expect(sent.map(message => (message as { result?: unknown }).result)).to.deep.equal([
      [1, { n: 1 }],
      ['two', null],
    ]);
  });

  it('drops all but id and method of a request once its handler has them', async () => {
    const received: Message[] = [];
    const { receive } = connect({
      onRequest: () => new Promise(() => {}),
      intercept: message => {
        received.push(message);
        return message;
      },
    });
    await receive({ id: 1, method: 'm', params: { long: 'text' }, trace: 'long', other: 'long' });
    expect(received.map(message => JSON.parse(JSON.stringify(message)))).to.deep.equal([
      { jsonrpc: '2.0', id: 1, method: 'm' },
    ]);
  });

  it('dispatches the next message after one that was intercepted', async () => {
    const notified: string[] = [];
    const { receive } = connect({
      onNotification: method => notified.push(method),
      intercept: message => ((message as { method?: string }).method === 'mine' ? undefined : message),
    });
    await receive({ method: 'mine' }, { method: 'other' });
    expect(notified).to.deep.equal(['other']);
  });

  it('rejects pending requests when it is disposed, with an error that is not an answer', async () => {
    const { peer } = connect();
    const error = rejection(peer.request('m', {}));
    peer.dispose();
    peer.dispose();
    expect(peer.isAnswer(await error)).to.equal(false);
  });

  it('takes an error with the code of a disposal for an answer if the other side sends it', async () => {
    const { peer, receive } = connect();
    const error = rejection(peer.request('m', {}));
    await receive({ id: 0, error: { code: ErrorCodes.PendingResponseRejected, message: 'no' } });
    expect(await error).to.be.instanceOf(ResponseError);
    expect(peer.isAnswer(await error)).to.equal(true);
  });

  it('ignores notifications on a connection that is closed', async () => {
    const { peer, input, output, sent, closed } = connect();
    input.end();
    output.destroy();
    await settled();
    await peer.notify('n', {});
    expect([sent, closed()]).to.deep.equal([[], 1]);
  });
});

import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { ResponseError } from 'vscode-jsonrpc/node';
import { FirstFrame } from '../../../src/protocol/framing/first-frame.ts';
import { clientNotifications } from '../../../src/protocol/messages.ts';
import { RpcClient, type RpcClientOptions } from '../../../src/protocol/rpc/client.ts';
import { frame, settled } from '../framing/support.ts';
import { messagesOf } from './support.ts';

class EndError extends Error {}

/** A client on streams in memory, what it sent and was notified of, and a function that sends it messages. */
const connect = (options: Partial<RpcClientOptions<EndError>> = {}) => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const notified: unknown[] = [];
  const sent = messagesOf(output);
  const client: RpcClient<EndError> = new RpcClient<EndError>({
    input,
    output,
    onNotification: (method, params) => notified.push([method, params]),
    describeEnd: async () => new EndError(client.problem ?? 'ended'),
    ...options,
  });
  const receive = (...messages: unknown[]) => {
    input.write(messages.map(message => frame(JSON.stringify(message))).join(''));
    return settled();
  };
  return { client, input, output, sent, notified, receive };
};

/** The class and the message of the error of a promise that rejects. */
const rejection = (promise: Promise<unknown>): Promise<unknown[]> =>
  promise.then(
    () => expect.fail('resolved'),
    (error: Error) => [error.constructor, error.message],
  );

describe('RpcClient', () => {
  it('returns the result of an answer as it came', async () => {
    const { client, receive } = connect();
    const result = client.request('m', {});
    await receive({ id: 0, result: { a: [1] } });
    expect(await result).to.deep.equal({ a: [1] });
  });

  it('rejects with the error of an answer', async () => {
    const { client, receive } = connect();
    const error = rejection(client.request('m', {}));
    await receive({ id: 0, error: { code: -32600, message: 'no' } });
    expect(await error).to.deep.equal([ResponseError, 'no']);
  });

  for (const [error, title] of [
    ['text', 'is not an object'],
    [{ code: 'x', message: 'no' }, 'has no numeric code'],
    [{ code: 1 }, 'has no message'],
  ] as const) {
    it(`rejects with invalidAnswer if the error of an answer ${title}`, async () => {
      const { client, receive } = connect();
      const rejected = rejection(client.request('m', {}));
      await receive({ id: 0, error });
      expect(await rejected).to.deep.equal([
        ResponseError,
        'the answer has an error without a code and a message',
      ]);
    });
  }

  it('accepts an answer that has a result and an error of null', async () => {
    const { client, receive } = connect();
    const result = client.request('m', {});
    await receive({ id: 0, result: 1, error: null });
    expect(await result).to.equal(1);
  });

  it('rejects pending and later requests with one error when the input ends', async () => {
    const { client, input } = connect();
    const pending = [rejection(client.request('a', {})), rejection(client.request('b', {}))];
    input.end();
    const ended = [EndError, 'ended'];
    expect(await Promise.all(pending)).to.deep.equal([ended, ended]);
    expect(await rejection(client.request('c', {}))).to.deep.equal(ended);
  });

  it('makes the error of its end once', async () => {
    let count = 0;
    const { client, input } = connect({
      describeEnd: async () => {
        count += 1;
        return new EndError('ended');
      },
    });
    client.fail('a problem');
    input.end();
    await client.end();
    await settled();
    expect(count).to.equal(1);
  });

  it('keeps the first problem that it fails with', async () => {
    const { client } = connect();
    client.fail('first');
    client.fail('second');
    expect([(await client.ended).message, client.problem]).to.deep.equal(['first', 'first']);
  });

  it('handles notifications in the order of arrival, within one turn', async () => {
    const { notified, receive } = connect();
    await receive({ method: 'a', params: 1 }, { method: 'b' });
    expect(notified).to.deep.equal([
      ['a', 1],
      ['b', undefined],
    ]);
  });

  it('fails if a notification is not valid, and handles none after it', async () => {
    const handled: string[] = [];
    const { client, receive } = connect({
      onNotification: method => {
        handled.push(method);
        throw new Error('params: expected object');
      },
    });
    await receive({ method: 'a' }, { method: 'b' });
    expect(handled).to.deep.equal(['a']);
    expect((await client.ended).message).to.equal('a: params: expected object');
  });

  it('fails if an answer has no id: the request that it answers is not known', async () => {
    const { client, receive } = connect();
    const error = rejection(client.request('m', {}));
    await receive({ id: null, error: { code: -32700, message: 'cannot read that' } });
    expect(await error).to.deep.equal([EndError, 'cannot read that']);
  });

  it('fails if the other side sends something that is not a message', async () => {
    const { client, receive } = connect();
    await receive(1);
    expect((await client.ended).message).to.equal(
      'the server sent something that is not a message: expected a JSON-RPC object, received number',
    );
  });

  it('answers requests of the other side with an error', async () => {
    const { sent, receive } = connect();
    await receive({ id: 7, method: 'm' });
    expect((sent[0] as { id: number; error: { code: number } }).error.code).to.equal(-32601);
  });

  it('discards input after it failed, so that it does not wait in memory', async () => {
    const { client, input, notified } = connect();
    client.fail('a problem');
    for (let count = 0; count < 100; count += 1) input.write(frame(JSON.stringify({ method: 'n' })));
    await settled();
    expect([notified, input.readableLength]).to.deep.equal([[], 0]);
  });

  it('reports bytes before the first frame even after it failed', async () => {
    const noise: string[] = [];
    const { client, input } = connect({
      firstFrame: new FirstFrame({ accepts: () => true, skipped: bytes => noise.push(bytes.toString()) }),
    });
    client.fail('a problem');
    input.end('Welcome\n');
    await settled();
    expect(noise.join('')).to.equal('Welcome\n');
  });

  it('has no effect when it notifies on a closed connection', async () => {
    const { client, sent } = connect();
    await client.end();
    await client.notify(clientNotifications.initialized, {});
    expect(sent).to.deep.equal([]);
  });
});

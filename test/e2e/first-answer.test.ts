import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { programPath } from './support/program.ts';
import { RawClient, type RawFraming, type RawMessage } from './support/raw-client.ts';

describe('the first answer of exec-server --stdio', () => {
  const params = { clientName: 'raw', binaryFrames: true, outputWindowBytes: 65_536 };
  const initialize = JSON.stringify({ jsonrpc: '2.0', id: 'first', method: 'initialize', params });

  /** The answer of a server to these bytes, sent piece by piece. */
  const answer = async (framing: RawFraming, pieces: readonly (Buffer | string)[]): Promise<RawMessage> => {
    const client = new RawClient({ framing });
    for (const piece of pieces) client.sendBytes(piece);
    const answered = await client.waitFor('the answer', ({ id }) => id === 'first');
    expect(await client.close()).to.equal(0);
    expect(client.messages).to.have.lengthOf(1);
    return answered;
  };

  const withoutSession = ({ result: { sessionId, ...result }, ...message }: RawMessage) => {
    expect(sessionId).to.match(/^[\da-z]+-[\da-z]+$/);
    return { ...message, result };
  };

  it('equals that of the complete server, which answers an initialize in another form', async () => {
    const otherHeader = `Content-Type: application/json\r\nContent-Length: ${initialize.length}\r\n\r\n${initialize}`;
    const first = await answer('contentLength', [
      `Content-Length: ${initialize.length}\r\n\r\n${initialize}`,
    ]);
    expect(withoutSession(first)).to.deep.equal(withoutSession(await answer('contentLength', [otherHeader])));
    const line = await answer('newline', [`${initialize}\n`]);
    expect(withoutSession(line)).to.deep.equal(
      withoutSession(await answer('newline', [`${initialize}\r\n`])),
    );
    expect([first.result.binaryFrames, line.result.binaryFrames]).to.deep.equal([true, false]);
    const expected = { ...first, result: { ...first.result, binaryFrames: false } };
    expect(withoutSession(line)).to.deep.equal(withoutSession(expected));
  });

  it('has the framing of the first message after a byte order mark and empty lines', async () => {
    const expected = withoutSession(await answer('newline', [`${initialize}\n`]));
    for (const pieces of [
      ['\ufeff', initialize, '\n'],
      [`\ufeff${initialize}\n`],
      [`\r\n \n${initialize}\n`],
    ])
      expect(withoutSession(await answer('newline', pieces))).to.deep.equal(expected);
    const frame = `\ufeff\nContent-Length: ${initialize.length}\r\n\r\n${initialize}`;
    expect((await answer('contentLength', [frame])).result.binaryFrames).to.equal(true);
  });

  it('is sent once; the complete server answers later requests', async () => {
    for (const framing of ['contentLength', 'newline'] as const) {
      const client = new RawClient({ framing });
      await client.request('initialize', params);
      expect((await client.ask('environment/info')).error?.data).to.deep.equal({
        kind: 'notInitialized',
        missing: 'initialized',
      });
      expect((await client.ask('initialize', params)).error?.data).to.deep.equal({
        kind: 'alreadyInitialized',
      });
      client.send({ method: 'initialized' });
      await client.request('environment/info');
      expect(await client.close()).to.equal(0);
      expect(client.messages).to.have.lengthOf(4);
      expect(client.stderr).to.equal('');
    }
  });

  it('is sent for a message that arrives in pieces', async () => {
    const client = new RawClient();
    const bytes = client.frame(initialize);
    for (let at = 0; at < bytes.length; at += 1) {
      client.sendBytes(bytes.subarray(at, at + 1));
      await new Promise(setImmediate);
    }
    await client.waitFor('the answer', ({ id }) => id === 'first');
    expect(await client.close()).to.equal(0);
  });

  it('does not need a blocking stdin', async function () {
    const nonBlocking = 'use Fcntl; fcntl(STDIN, F_SETFL, O_RDWR | O_NONBLOCK) or die; exec @ARGV or die';
    if (process.platform !== 'linux' || spawnSync('perl', ['-e', '0']).status !== 0) this.skip();
    const client = new RawClient({
      argv: ['perl', '-e', nonBlocking, process.execPath, programPath, '--stdio'],
    });
    await until(() => catches(client.server.pid, constants.signals.SIGTERM), 'the server is not loaded');
    client.sendBytes(client.frame(initialize));
    await client.waitFor('the answer', ({ id }) => id === 'first');
    expect(await client.close()).to.equal(0);
  });

  it('does not keep a signal from ending the server before any message', async () => {
    const client = new RawClient();
    client.server.kill('SIGTERM');
    expect(await client.ended).to.be.oneOf(['SIGTERM', 128 + constants.signals.SIGTERM]);
  });
});

const catches = (pid: number | undefined, signal: number): boolean => {
  const caught = /^SigCgt:\s*([\da-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & (1n << BigInt(signal - 1))) !== 0n;
};

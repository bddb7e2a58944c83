import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { CHUNK_TYPE } from '../../src/protocol/framing/format.ts';
import { RawClient } from './support/raw-client.ts';

const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin' };
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, at) => at));

const start = (processId: string, argv: readonly string[], more: object = {}) => ({
  processId,
  argv,
  cwd: 'file:///',
  env: ENV,
  ...more,
});

/** Encodes a frame, with a Content-Type if one is given. */
const frame = (body: string, type?: string): string =>
  `${type === undefined ? '' : `Content-Type: ${type}\r\n`}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('binary frames', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'binary-frames-'));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it('carry input, output and blocks of files as bytes, in both directions', async () => {
    const client = await RawClient.open({ framing: 'binary' });
    await client.request('process/start', start('p', ['cat'], { pipeStdin: true }));
    await client.request('process/write', { processId: 'p', chunk: ALL_BYTES.toString('base64') });
    await client.request('process/closeStdin', { processId: 'p' });
    const { stdout: output } = await client.finished('p');
    const path = pathToFileURL(join(directory, 'file')).href;
    await client.request('fs/open', { handleId: 'w', path, mode: 'replace' });
    await client.request('fs/writeBlock', { handleId: 'w', offset: 0, chunk: ALL_BYTES.toString('base64') });
    await client.request('fs/close', { handleId: 'w' });
    await client.request('fs/open', { handleId: 'r', path });
    const { chunk } = await client.request('fs/readBlock', { handleId: 'r', offset: 0, len: 300 });
    expect([output, Buffer.from(chunk, 'base64')]).to.deep.equal([ALL_BYTES, ALL_BYTES]);
    // The answer came as bytes, too; messages without a chunk came as JSON.
    const binary = client.messages.filter(message => message.binary);
    expect(binary.every(({ params, result }) => (params ?? result).chunk !== undefined)).to.equal(true);
    expect(binary.filter(({ id }) => id !== undefined)).to.have.lengthOf(1);
    expect(
      client.messages.filter(({ method, binary }) => method === 'process/output' && !binary),
    ).to.deep.equal([]);
    expect(await client.close()).to.equal(0);
    expect(client.strayBytes).to.equal('');
  });

  it('lose no output of a flood', async () => {
    const client = await RawClient.open({ framing: 'binary' });
    await client.request('process/start', start('p', ['seq', '2000000']));
    const { stdout: output } = await client.finished('p');
    const expected = Array.from({ length: 2_000_000 }, (_, at) => `${at + 1}\n`).join('');
    expect(output.equals(Buffer.from(expected))).to.equal(true);
    await client.close();
  });

  it('are accepted from a client that did not request them', async () => {
    const client = await RawClient.open();
    await client.request('process/start', start('p', ['head', '-n', '1'], { pipeStdin: true }));
    const write = '{"id":"w","method":"process/write","params":{"processId":"p"}}\nbytes\n';
    client.sendBytes(frame(write, CHUNK_TYPE));
    const { result } = await client.waitFor('the answer', ({ id }) => id === 'w');
    const { stdout: output } = await client.finished('p');
    expect([result, output.toString()]).to.deep.equal([{ status: 'accepted' }, 'bytes\n']);
    expect(client.messages.some(({ binary }) => binary)).to.equal(false);
    await client.close();
  });

  it('are offered neither to a client that did not request them nor to one that sends lines', async () => {
    const answers: unknown[] = [];
    for (const [framing, binaryFrames] of [
      ['contentLength', true],
      ['contentLength', false],
      ['contentLength', undefined],
      ['newline', true],
    ] as const) {
      const client = new RawClient({ framing });
      answers.push((await client.request('initialize', { clientName: 'x', binaryFrames })).binaryFrames);
      await client.close();
    }
    expect(answers).to.deep.equal([true, false, false, false]);
  });

  it('are answered with an error if they contain no message', async () => {
    const client = await RawClient.open({ framing: 'binary' });
    const before = client.messages.length;
    client.sendBytes(frame('no line feed', CHUNK_TYPE));
    client.sendBytes(frame('{"id":8,"method":"server/status"}\nx', CHUNK_TYPE));
    client.sendBytes(frame('{"id":9,"method":"process/write","params":{"processId":7}}\nx', CHUNK_TYPE));
    await client.waitFor('the last answer', ({ id }) => id === 9);
    const errors = client.messages.slice(before).map(({ id, error }) => [id, error?.message]);
    expect(errors).to.deep.equal([
      [null, 'expected a line feed between the message and its chunk'],
      [8, 'expected params or a result for the chunk'],
      [9, 'processId: expected string, received number'],
    ]);
    expect(await client.close()).to.equal(0);
  });
});

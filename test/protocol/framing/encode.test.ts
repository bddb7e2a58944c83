import { expect } from 'chai';
import fc from 'fast-check';
import type { Message } from 'vscode-jsonrpc/node';
import { encodeFrame, encodeMessage, messageToJson } from '../../../src/protocol/framing/encode.ts';
import { parseChunkMessage } from '../../../src/protocol/framing/message-parser.ts';
import { bodyOf, reportsOf } from './support.ts';

describe('encodeFrame', () => {
  it('writes the length before the body', () => {
    expect(encodeFrame(Buffer.from('{"ä":1}')).toString()).to.equal('Content-Length: 8\r\n\r\n{"ä":1}');
  });

  it('makes one frame with exactly these bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        expect(bodyOf(encodeFrame(Buffer.from(bytes)))).to.deep.equal(Buffer.from(bytes));
      }),
    );
  });
});

describe('encodeFrame with newline framing', () => {
  it('writes a line end after the body', () => {
    expect(encodeFrame(Buffer.from('{"ä":1}'), 'newline').toString()).to.equal('{"ä":1}\n');
  });
});

describe('encodeMessage', () => {
  const FORMATS = {
    plain: { framing: 'contentLength', binary: false },
    binary: { framing: 'contentLength', binary: true },
    newline: { framing: 'newline', binary: false },
  } as const;
  const encoded = (message: object, format: keyof typeof FORMATS): Buffer =>
    Buffer.concat(encodeMessage(message as Message, FORMATS[format]));

  const carriers = (name: string, bytes: Uint8Array): object[] => [
    { jsonrpc: '2.0', method: 'ä', params: { [name]: bytes } },
    { jsonrpc: '2.0', id: 1, method: 'm', params: { before: '\n', [name]: bytes, after: [1] } },
    { jsonrpc: '2.0', id: 'x', result: { [name]: bytes, eof: false } },
  ];
  /** The same message with base64 instead of the bytes. */
  const asText = (message: object): unknown =>
    JSON.parse(
      JSON.stringify(message, (_, value) =>
        value?.type === 'Buffer' ? Buffer.from(value.data).toString('base64') : value,
      ),
    );

  it('writes a message without bytes as JSON, in any format', () => {
    const messages = [
      { method: 'm' },
      { id: 1, result: null },
      { id: 1, result: 'ä' },
      { method: 'm', params: [1] },
    ];
    for (const message of messages) {
      const json = JSON.stringify(message);
      expect(reportsOf(encoded(message, 'binary'))).to.deep.equal([['json', Buffer.from(json)]]);
      expect(encoded(message, 'newline').toString()).to.equal(`${json}\n`);
      expect(messageToJson(message)).to.equal(json);
    }
  });

  it('writes bytes as base64, in one part', () => {
    fc.assert(
      fc.property(fc.constantFrom('chunk', 'data"Base64'), fc.uint8Array(), (name, array) => {
        for (const message of carriers(name, Buffer.from(array))) {
          const expected = asText(message);
          const line = encoded(message, 'newline');
          expect(JSON.parse(bodyOf(encoded(message, 'plain')).toString())).to.deep.equal(expected);
          expect(JSON.parse(line.toString())).to.deep.equal(expected);
          expect(line.indexOf('\n')).to.equal(line.length - 1);
          expect(JSON.parse(messageToJson(message))).to.deep.equal(expected);
        }
      }),
    );
  });

  it('writes a chunk as it is if the format is binary, and other bytes as base64', () => {
    fc.assert(
      fc.property(fc.uint8Array(), array => {
        const bytes = Buffer.from(array);
        for (const message of carriers('chunk', bytes)) {
          const frame = encoded(message, 'binary');
          expect(reportsOf(frame)).to.have.nested.property('0.0', 'chunk');
          expect(parseChunkMessage(bodyOf(frame))).to.deep.equal(message);
        }
        for (const message of carriers('dataBase64', bytes)) {
          expect(encoded(message, 'binary')).to.deep.equal(encoded(message, 'plain'));
        }
      }),
    );
  });

  it('copies no bytes for a binary frame', () => {
    const chunk = Buffer.from('as they are');
    const [, last] = encodeMessage(
      { jsonrpc: '2.0', method: 'm', params: { chunk } } as Message,
      FORMATS.binary,
    );
    expect(last?.buffer === chunk.buffer && last.byteOffset === chunk.byteOffset).to.equal(true);
  });
});

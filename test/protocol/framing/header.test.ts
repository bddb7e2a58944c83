import { expect } from 'chai';
import fc from 'fast-check';
import { CHUNK_TYPE } from '../../../src/protocol/framing/format.ts';
import {
  describeLength,
  type HeaderFields,
  isUtf8Charset,
  readHeaderLine,
} from '../../../src/protocol/framing/header.ts';
import { MAX_HEADER_BYTES } from '../../../src/protocol/limits.ts';
import { anyBytes } from './support.ts';

/** The fields of these lines, or the first problem. */
const read = (...lines: string[]): HeaderFields | string => {
  const fields: HeaderFields = {};
  for (const line of lines) {
    const problem = readHeaderLine(line, fields);
    if (problem !== undefined) return problem;
  }
  return fields;
};

describe('readHeaderLine', () => {
  it('reads the length in any case and with blanks around it', () => {
    for (const line of [
      'Content-Length: 12',
      'content-length:12',
      'CONTENT-LENGTH:\t 12 \t',
      'Content-Length: 0012',
    ]) {
      expect(read(line)).to.deep.equal({ contentLength: 12 });
    }
  });

  it('recognises the content type of a message with a chunk in any spelling', () => {
    const types = [
      CHUNK_TYPE,
      ` ${CHUNK_TYPE.toUpperCase()} ; charset=utf-8`,
      `${CHUNK_TYPE}s`,
      `text/plain; x=${CHUNK_TYPE}`,
    ];
    const kinds = types.map(type => (read(`Content-Type: ${type}`) as HeaderFields).kind);
    expect(kinds).to.deep.equal(['chunk', 'chunk', undefined, undefined]);
  });

  it('reads the charset of a content type', () => {
    for (const [type, charset] of Object.entries({
      'application/vscode-jsonrpc; charset=utf-8': 'utf-8',
      'application/vscode-jsonrpc;charset="UTF8"': 'utf8',
      'text/plain; format=flowed; Charset=ISO-8859-1; x=y': 'iso-8859-1',
      'application/json': undefined,
    })) {
      expect(read(`Content-Type: ${type}`)).to.deep.equal({ charset });
    }
  });

  it('ignores unknown fields', () => {
    expect(read('X-Trace: 1', 'Content-Length: 2', 'Date:')).to.deep.equal({ contentLength: 2 });
  });

  for (const value of ['-1', '1.5', '1e3', '0x10', '1 2', '', '+1', '9007199254740993', '١']) {
    it(`refuses the length ${JSON.stringify(value)}`, () => {
      expect(read(`Content-Length: ${value}`)).to.equal(
        `Content-Length: expected a whole number of bytes, received ${JSON.stringify(value)}`,
      );
    });
  }

  it('accepts the largest exact length', () => {
    expect(read('Content-Length: 9007199254740991')).to.deep.equal({
      contentLength: Number.MAX_SAFE_INTEGER,
    });
  });

  it('accepts a length that is given twice, and refuses two different ones', () => {
    expect(read('Content-Length: 2', 'Content-Length: 2')).to.deep.equal({ contentLength: 2 });
    expect(read('Content-Length: 2', 'Content-Length: 3')).to.equal(
      'Content-Length is given twice, as 2 and 3',
    );
  });

  for (const line of ['hello', ': 1', 'two words: 1', 'Content Length: 2', 'a\rb: 1', 'é: 1']) {
    it(`refuses ${JSON.stringify(line)}, which is not a field`, () => {
      expect(read(line)).to.equal(`expected a header field, received ${JSON.stringify(line)}`);
    });
  }

  for (const line of [
    'doneContent-Length: 2',
    'Password: Content-Length: 2',
    'Content-Type: content-length: 2',
  ]) {
    it(`refuses ${JSON.stringify(line)}: a frame begins inside the line`, () => {
      expect(read(line)).to.equal(`expected a header field, received ${JSON.stringify(line)}`);
    });
  }

  it('quotes only the start of a line', () => {
    expect(read('?'.repeat(41))).to.equal(`expected a header field, received "${'?'.repeat(40)}…"`);
  });

  it('describes a line with the given function', () => {
    const problem = readHeaderLine('"PLANTED"}', {}, describeLength);
    expect(problem).to.equal('expected a header field, received a line of 10 bytes');
  });

  it('never throws', () => {
    fc.assert(
      fc.property(anyBytes(), line => {
        readHeaderLine(line, {});
      }),
    );
  });

  it('takes linear time for a line with many blanks', () => {
    const line = `X-Blanks: x${' '.repeat(MAX_HEADER_BYTES)}x`;
    for (let time = 0; time < 10_000; time += 1) expect(readHeaderLine(line, {})).to.equal(undefined);
  });
});

describe('isUtf8Charset', () => {
  it('accepts both spellings of UTF-8, and a missing charset', () => {
    expect(['utf-8', 'utf8', undefined].map(isUtf8Charset)).to.deep.equal([true, true, true]);
    expect(['utf-16', 'us-ascii', ''].map(isUtf8Charset)).to.deep.equal([false, false, false]);
  });
});

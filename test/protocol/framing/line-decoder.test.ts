import { expect } from 'chai';
import fc from 'fast-check';
import type { Framing } from '../../../src/protocol/framing/decoder.ts';
import { DetectingDecoder } from '../../../src/protocol/framing/detecting-decoder.ts';
import { LineDecoder } from '../../../src/protocol/framing/line-decoder.ts';
import { anyBytes, cut, cuts, frame, latin1, oneByOne, type Report } from './support.ts';

const recording = () => {
  const reports: Report[] = [];
  const sink = {
    frame: (body: Buffer) => void reports.push({ frame: body.toString('latin1') }),
    rejected: (error: { message: string; kind: string }) =>
      void reports.push({ rejected: error.message, kind: error.kind }),
    lost: (reason: string) => void reports.push({ lost: reason }),
  };
  return { reports, sink };
};

const decodeLines = (chunks: readonly Buffer[], maxLineBytes = 1000): Report[] => {
  const { reports, sink } = recording();
  const decoder = new LineDecoder(sink, maxLineBytes);
  for (const chunk of chunks) decoder.push(chunk);
  return reports;
};

describe('LineDecoder', () => {
  const line = anyBytes({ minLength: 1, maxLength: 50 }).filter(
    text => !/\n/.test(text) && /[^ \t\r]/.test(text),
  );

  it('reports each line as a body, whatever the chunks are', () => {
    fc.assert(
      fc.property(fc.array(line), cuts, (lines, places) => {
        const bytes = latin1(lines.map(text => `${text}\n`).join(''));
        const expected = lines.map(text => ({ frame: text }));
        expect(decodeLines(cut(bytes, places))).to.deep.equal(expected);
        expect(decodeLines(oneByOne(bytes))).to.deep.equal(expected);
      }),
    );
  });

  it('ignores blank lines', () => {
    expect(decodeLines([latin1('\n \t\r\n{}\r\n\n')])).to.deep.equal([{ frame: '{}\r' }]);
  });

  it('rejects a line over the limit once, with its length, and continues with the next', () => {
    const tooLong = {
      rejected: 'the frame has 1001 bytes; the limit is 1000',
      kind: 'frameTooLarge',
    };
    const bytes = latin1(`${'x'.repeat(1001)}\n{}\n${'y'.repeat(1000)}\n`);
    const expected = [tooLong, { frame: '{}' }, { frame: 'y'.repeat(1000) }];
    expect(decodeLines([bytes])).to.deep.equal(expected);
    expect(decodeLines(oneByOne(bytes))).to.deep.equal(expected);
  });

  it('describes the place inside a line', () => {
    const decoder = new LineDecoder(recording().sink);
    expect(decoder.incomplete).to.equal(undefined);
    decoder.push(latin1('{}\n{"id"'));
    expect(decoder.incomplete).to.equal('inside a line, after 5 bytes of it');
    decoder.push(latin1('}\n'));
    expect(decoder.incomplete).to.equal(undefined);
  });
});

describe('DetectingDecoder', () => {
  const detect = (chunks: readonly Buffer[]) => {
    const { reports, sink } = recording();
    const detected: Framing[] = [];
    const decoder = new DetectingDecoder(sink, framing => detected.push(framing), 1000);
    expect(decoder.incomplete).to.equal(undefined);
    for (const chunk of chunks) decoder.push(chunk);
    return { detected, reports };
  };

  for (const body of ['{}', '[]']) {
    it(`decodes lines if the stream begins with ${body[0]}, whatever follows`, () => {
      const bytes = latin1(`${body}\nContent-Length: 2\r\n`);
      const expected = {
        detected: ['newline'],
        reports: [{ frame: body }, { frame: 'Content-Length: 2\r' }],
      };
      expect(detect([Buffer.alloc(0), bytes])).to.deep.equal(expected);
      expect(detect(oneByOne(bytes))).to.deep.equal(expected);
    });
  }

  it('decodes frames if the stream begins with anything else', () => {
    const bytes = latin1(`noise\n${frame('{}')}${frame('[]')}`);
    const { detected, reports } = detect([bytes]);
    expect([detected, reports.filter(report => 'frame' in report)]).to.deep.equal([
      ['contentLength'],
      [{ frame: '{}' }, { frame: '[]' }],
    ]);
  });

  const MARK = Buffer.from('\ufeff').toString('latin1');
  for (const start of [MARK, '\n', '\r\n\r\n', ' \t', `${MARK}\r\n \n`]) {
    it(`skips ${JSON.stringify(start)} before the first message`, () => {
      for (const [framing, text] of [
        ['newline', '{}\n[]\n'],
        ['contentLength', frame('{}') + frame('[]')],
      ]) {
        const bytes = latin1(start + text);
        const expected = { detected: [framing], reports: [{ frame: '{}' }, { frame: '[]' }] };
        expect(detect([bytes])).to.deep.equal(expected);
        expect(detect(oneByOne(bytes))).to.deep.equal(expected);
      }
    });
  }

  for (const [title, start] of [
    ['part of a byte order mark', MARK.slice(0, 2)],
    ['a second byte order mark', MARK + MARK],
    ['a byte order mark after white space', `\n${MARK}`],
  ] as const) {
    it(`does not skip ${title}`, () => {
      const bytes = latin1(`${start}{}\n${frame('{}')}`);
      const whole = detect([bytes]);
      expect([whole.detected, whole.reports.length]).to.deep.equal([['contentLength'], 2]);
      expect(detect(oneByOne(bytes))).to.deep.equal(whole);
    });
  }

  it('describes the place inside a byte order mark', () => {
    const decoder = new DetectingDecoder(recording().sink, () => {});
    const places = oneByOne(latin1(`${MARK}\n{`)).map(byte => {
      decoder.push(byte);
      return decoder.incomplete;
    });
    const inMark = 'inside a byte order mark';
    expect(places).to.deep.equal([
      inMark,
      inMark,
      undefined,
      undefined,
      'inside a line, after 1 bytes of it',
    ]);
  });
});

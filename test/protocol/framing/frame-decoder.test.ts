import { expect } from 'chai';
import fc from 'fast-check';
import {
  MAX_FRAME_BYTES,
  MAX_HEADER_BYTES,
  MAX_RESYNC_BYTES,
  MAX_SKIPPED_BODY_BYTES,
} from '../../../src/protocol/limits.ts';
import {
  anyBytes,
  cut,
  cuts,
  decode,
  frame,
  garbage,
  latin1,
  oneByOne,
  type Report,
  recordingDecoder,
} from './support.ts';

/** A frame that must be found after any input. */
const AFTER = frame('{"after":1}');
const FOUND: Report = { frame: '{"after":1}' };

const refused = (rejected: string): Report => ({ rejected, kind: 'invalidMessage' });

describe('FrameDecoder', () => {
  describe('frames', () => {
    it('reports each body, in order', () => {
      expect(decode([frame('{"a":1}') + frame('[2]') + frame('3')])).to.deep.equal([
        { frame: '{"a":1}' },
        { frame: '[2]' },
        { frame: '3' },
      ]);
    });

    it('reports an empty body', () => {
      expect(decode(['Content-Length: 0\r\n\r\n'])).to.deep.equal([{ frame: '' }]);
    });

    it('ignores empty lines between frames', () => {
      const stream = `\r\n\n${frame('1')}\n\r\n\n${frame('2')}\n`;
      expect(decode([stream])).to.deep.equal([{ frame: '1' }, { frame: '2' }]);
    });

    it('accepts header lines that end with a line feed alone', () => {
      expect(decode(['Content-Length: 2\nContent-Type: text/json\n\n{}'])).to.deep.equal([{ frame: '{}' }]);
    });

    it('reads a body of any bytes, such as headers', () => {
      const body = `${frame('inner')}\r\n\r\n\0\xff`;
      expect(decode([latin1(frame(body) + frame('2'))])).to.deep.equal([{ frame: body }, { frame: '2' }]);
    });

    it('accepts a body of exactly the limit', () => {
      expect(decode([frame('12345678')], 8)).to.deep.equal([{ frame: '12345678' }]);
    });

    it('accepts a header of exactly the limit', () => {
      const length = 'Content-Length: 2\r\n\r\n';
      const filler = 'x'.repeat(MAX_HEADER_BYTES - 'X: \r\n'.length - length.length);
      expect(decode([`X: ${filler}\r\n${length}{}`])).to.deep.equal([{ frame: '{}' }]);
    });

    it('accepts a length that is given twice', () => {
      expect(decode(['Content-Length: 2\r\nContent-Length: 02\r\n\r\n{}'])).to.deep.equal([{ frame: '{}' }]);
    });
  });

  describe('a malformed header', () => {
    const badLength = (received: string) =>
      refused(`Content-Length: expected a whole number of bytes, received "${received}"`);
    const cases: Array<[title: string, bytes: string, report: Report]> = [
      ['a negative length', 'Content-Length: -5\r\n\r\n', badLength('-5')],
      ['a fractional length', 'Content-Length: 1.5\r\n\r\n', badLength('1.5')],
      [
        'a length that is not exact as a number',
        `Content-Length: ${'9'.repeat(30)}\r\n\r\n`,
        badLength('9'.repeat(30)),
      ],
      ['an empty length', 'Content-Length:\r\n\r\n', badLength('')],
      [
        'two different lengths',
        'Content-Length: 2\r\nContent-Length: 3\r\n\r\n',
        refused('Content-Length is given twice, as 2 and 3'),
      ],
      ['no length', 'Content-Type: application/json\r\n\r\n', refused('a header has no Content-Length')],
      [
        'a line that is not a field',
        'Welcome to devbox!\n',
        refused('expected a header field, received "Welcome to devbox!"'),
      ],
      [
        'a long line, the start of which is quoted',
        `${'ab '.repeat(1000)}\n`,
        refused(`expected a header field, received "${'ab '.repeat(13)}a…"`),
      ],
      [
        'a line that never ends',
        `X-Filler: ${'x'.repeat(MAX_HEADER_BYTES)}`,
        refused('a header is longer than 8192 bytes'),
      ],
      ['lines that never end', 'X-Filler: 1\r\n'.repeat(1000), refused('a header is longer than 8192 bytes')],
    ];
    for (const [title, bytes, report] of cases) {
      it(`is reported once, and the next frame is found: ${title}`, () => {
        expect(decode([bytes + AFTER])).to.deep.equal([report, FOUND]);
        expect(decode(oneByOne(latin1(bytes + AFTER)))).to.deep.equal([report, FOUND]);
      });
    }

    it('is reported once if others follow', () => {
      const garbage = 'Content-Length: x\nno header\nX: 1\n\n'.repeat(3);
      expect(decode([garbage + AFTER])).to.deep.equal([badLength('x'), FOUND]);
    });

    it('is reported again after a frame', () => {
      const noise = 'no header\n';
      expect(decode([noise + noise + frame('1') + noise + frame('2')])).to.deep.equal([
        refused('expected a header field, received "no header"'),
        { frame: '1' },
        refused('expected a header field, received "no header"'),
        { frame: '2' },
      ]);
    });
  });

  describe('the next frame', () => {
    const noises: Array<[title: string, noise: string]> = [
      ['a word without a line break', 'done'],
      ['a prompt without a line break', 'Password: '],
      ['fields and an empty line', 'Kernel: 6.1\nUptime: 3 days\n\n'],
      ['more fields than a header may have', 'Load: 0.00\n'.repeat(MAX_HEADER_BYTES / 11)],
      ['half a field name', 'Content-Len'],
      ['bytes that are not text', '\xff\xfe\0\r'],
    ];
    for (const [title, noise] of noises) {
      it(`is found after ${title}`, () => {
        expect(decode([latin1(noise + AFTER)]).at(-1)).to.deep.equal(FOUND);
        expect(decode(oneByOne(latin1(noise + AFTER))).at(-1)).to.deep.equal(FOUND);
      });
    }

    it('is found after any garbage without Content-Length', () => {
      fc.assert(
        fc.property(garbage, cuts, (noise, places) => {
          const reports = decode(cut(latin1(noise + AFTER), places));
          expect(reports.at(-1)).to.deep.equal(FOUND);
          expect(reports.length).to.be.at.most(2);
        }),
        { numRuns: 1000 },
      );
    });

    it('is found after a body that is longer than announced', () => {
      expect(decode([`Content-Length: 7\r\n\r\n{"a":1,"b":2}${AFTER}`])).to.deep.equal([
        { frame: '{"a":1,' },
        refused('expected a header field, received "\\"b\\":2}Content-Length: 11"'),
        FOUND,
      ]);
    });

    it('is lost after a body that is shorter than announced, and the one after it is found', () => {
      expect(decode([`Content-Length: 9\r\n\r\n{}${frame('[0]')}${AFTER}`])).to.deep.equal([
        { frame: '{}Content' },
        refused('a header has no Content-Length'),
        FOUND,
      ]);
    });
  });

  describe('a rejected body', () => {
    it('is skipped by its length if it is over the limit', () => {
      const oversized = frame(`${AFTER}${AFTER}`);
      const expected = [
        { rejected: `the frame has ${2 * AFTER.length} bytes; the limit is 16`, kind: 'frameTooLarge' },
        FOUND,
      ];
      expect(decode([oversized + AFTER], 16)).to.deep.equal(expected);
      expect(decode(oneByOne(latin1(oversized + AFTER)), 16)).to.deep.equal(expected);
    });

    it('is not skipped by its length if that is absurd', () => {
      const absurd = MAX_SKIPPED_BODY_BYTES + 1;
      expect(decode([`Content-Length: ${absurd}\r\n\r\n{"lost":1}${AFTER}`])).to.deep.equal([
        {
          rejected: `the frame has ${absurd} bytes; the limit is ${MAX_FRAME_BYTES}`,
          kind: 'frameTooLarge',
        },
        FOUND,
      ]);
    });

    it('is skipped by its length if it is in another charset', () => {
      const body = `${AFTER}\xe9`;
      const stream = `Content-Type: application/vscode-jsonrpc; charset=iso-8859-1\r\n${frame(body)}${AFTER}`;
      expect(decode([latin1(stream)])).to.deep.equal([
        refused('Content-Type: expected charset utf-8, received iso-8859-1'),
        FOUND,
      ]);
    });
  });

  describe('a stream without frames', () => {
    const LINE = 'no frame here\n';
    const noise = latin1(LINE.repeat(MAX_RESYNC_BYTES / LINE.length + 1000));
    const lost: Report[] = [
      refused('expected a header field, received "no frame here"'),
      { lost: `no frame header in ${MAX_RESYNC_BYTES} bytes` },
    ];

    it('is lost after a limited search, and then nothing more is reported', () => {
      const { decoder, reports } = recordingDecoder();
      decoder.push(noise);
      expect(reports).to.deep.equal(lost);
      decoder.push(latin1(AFTER));
      decoder.push(noise);
      expect(reports).to.deep.equal(lost);
      expect(decoder.incomplete).to.equal(undefined);
    });

    it('is lost whatever the chunks are', () => {
      fc.assert(
        fc.property(cuts, places => {
          expect(decode(cut(noise, places))).to.deep.equal(lost);
        }),
        { numRuns: 10 },
      );
    });

    it('is searched up to the last byte of the limit', () => {
      const bytes = latin1(`${'x'.repeat(MAX_RESYNC_BYTES)}${AFTER}`);
      expect(decode([bytes]).at(-1)).to.deep.equal(FOUND);
      expect(decode([latin1('x'), bytes]).at(-1)).to.deep.equal({ lost: 'no frame header in 1048576 bytes' });
    });

    const nearly = {
      'bad lengths': 'Content-Length: x\n',
      'bad lengths without a line break': 'Content-Length: x ',
      'lengths that differ': 'Content-Length: 1\nContent-Length: 2\n',
      'fields without a length': 'Name: value\n\n',
    };
    for (const [title, text] of Object.entries(nearly)) {
      it(`is searched in steps of limited size: ${title}`, () => {
        const bytes = latin1(text.repeat(MAX_RESYNC_BYTES / text.length + 2000));
        const steps = bytes.length / text.length;
        const examined = bytesExamined(() => expect(decode([bytes]).at(-1)).to.have.property('lost'));
        // A few windows or headers for each part at most, and never all of the rest.
        expect(examined / steps).to.be.below(3 * MAX_HEADER_BYTES);
      });
    }
  });

  describe('whatever the chunks are', () => {
    const messages = fc.array(anyBytes({ maxLength: 200 }), { maxLength: 10 });

    it('reports the same bodies in the same order', () => {
      fc.assert(
        fc.property(messages, cuts, (bodies, places) => {
          const stream = latin1(bodies.map(frame).join(''));
          const expected = bodies.map(body => ({ frame: body }));
          expect(decode(cut(stream, places))).to.deep.equal(expected);
          expect(decode(oneByOne(stream))).to.deep.equal(expected);
        }),
      );
    });

    it('reports the same for garbage', () => {
      const part = fc.oneof(
        garbage,
        anyBytes({ maxLength: 30 }).map(frame),
        fc.constantFrom('Content-Length: ', '7'),
      );
      fc.assert(
        fc.property(fc.array(part, { maxLength: 12 }), cuts, (parts, places) => {
          const stream = latin1(parts.join(''));
          const whole = decode([stream], 20);
          expect(decode(cut(stream, places), 20)).to.deep.equal(whole);
          expect(decode(oneByOne(stream), 20)).to.deep.equal(whole);
        }),
        { numRuns: 500 },
      );
    });

    it('finds the next frame after any change to a stream', () => {
      const change = fc.record({
        at: fc.nat(),
        remove: fc.nat({ max: 30 }),
        insert: anyBytes({ maxLength: 10 }),
      });
      fc.assert(
        fc.property(messages, fc.array(change, { maxLength: 5 }), cuts, (bodies, changes, places) => {
          let stream = bodies.map(frame).join('');
          for (const { at, remove, insert } of changes) {
            const place = at % (stream.length + 1);
            stream = stream.slice(0, place) + insert + stream.slice(place + remove);
          }
          const { decoder, reports } = recordingDecoder(1000);
          for (const chunk of cut(latin1(stream), places)) decoder.push(chunk);
          // Completes a body of any length, except one that is skipped.
          decoder.push(latin1('\n'.repeat(1001)));
          if (decoder.incomplete?.startsWith('inside a refused frame')) return;
          decoder.push(latin1(AFTER));
          expect(reports.at(-1)).to.deep.equal(FOUND);
        }),
        { numRuns: 500 },
      );
    });
  });

  describe('incomplete', () => {
    const cases: Array<[title: string, bytes: string, incomplete: string | undefined]> = [
      ['nothing', '', undefined],
      ['a whole frame', frame('1'), undefined],
      ['a whole frame and an empty line', `${frame('1')}\r\n`, undefined],
      ['part of a header line', 'Content-', 'inside a header'],
      ['a whole header line', 'Content-Length: 1\r\n', 'inside a header'],
      ['a header', 'Content-Length: 3\r\n\r\n', 'inside a frame, 3 bytes before its end'],
      ['part of a body', 'Content-Length: 3\r\n\r\n1', 'inside a frame, 2 bytes before its end'],
      [
        'part of an oversized body',
        'Content-Length: 30\r\n\r\n1',
        'inside a refused frame, 29 bytes before its end',
      ],
      ['garbage', 'no header\n', 'before another header was found'],
    ];
    for (const [title, bytes, incomplete] of cases) {
      it(`describes the place after ${title}`, () => {
        const { decoder } = recordingDecoder(20);
        decoder.push(latin1(bytes));
        expect(decoder.incomplete).to.equal(incomplete);
      });
    }
  });

  it('buffers what has arrived, not what was announced', () => {
    const { decoder } = recordingDecoder();
    const before = process.memoryUsage().arrayBuffers;
    decoder.push(latin1(`Content-Length: ${MAX_FRAME_BYTES}\r\n\r\n`));
    decoder.push(latin1('0123456789'));
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(1024 * 1024);
    expect(decoder.incomplete).to.equal(`inside a frame, ${MAX_FRAME_BYTES - 10} bytes before its end`);
  });
});

/** Bytes that are searched in buffers or converted to text while `run` runs: the work of a search. */
const bytesExamined = (run: () => void): number => {
  const original = { indexOf: Buffer.prototype.indexOf, toString: Buffer.prototype.toString };
  let bytes = 0;
  Buffer.prototype.indexOf = function (this: Buffer, ...args: [number]) {
    const found = original.indexOf.apply(this, args);
    bytes += found < 0 ? this.length : found;
    return found;
  };
  Buffer.prototype.toString = function (
    this: Buffer,
    encoding?: BufferEncoding,
    start?: number,
    end?: number,
  ) {
    bytes += Math.min(end ?? this.length, this.length) - (start ?? 0);
    return original.toString.call(this, encoding, start, end);
  };
  try {
    run();
  } finally {
    Object.assign(Buffer.prototype, original);
  }
  return bytes;
};

import { expect } from 'chai';
import fc from 'fast-check';
import { FirstFrame } from '../../../src/protocol/framing/first-frame.ts';
import {
  MAX_FIRST_FRAME_BYTES,
  MAX_HEADER_BYTES,
  MAX_START_UP_OUTPUT_BYTES,
} from '../../../src/protocol/limits.ts';
import { anyBytes, cut, cuts, frame, garbage, latin1, oneByOne } from './support.ts';

const ANSWER = '{"id":0,"result":{"text":"Content-Length: 5\\r\\n\\r\\n{}"}}';

/** The result of a search through these chunks, as latin1 text. */
const search = (chunks: readonly Buffer[], accepts = (body: string): boolean => body === ANSWER) => {
  let skipped = '';
  const firstFrame = new FirstFrame({
    accepts: body => accepts(body.toString('latin1')),
    skipped: bytes => {
      skipped += bytes.toString('latin1');
    },
  });
  for (const [at, chunk] of chunks.entries()) {
    const frames = firstFrame.push(chunk);
    if (frames === undefined) continue;
    if (frames === 'lost') return { skipped, frames: 'lost' };
    const rest = Buffer.concat([frames, ...chunks.slice(at + 1)]);
    return { skipped, frames: rest.toString('latin1') };
  }
  firstFrame.end();
  return { skipped, frames: undefined };
};

/** Start-up output of a hostile program: parts of headers, whole headers, frames of other programs. */
const hostile: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      garbage,
      anyBytes({ maxLength: 30 }).map(frame),
      fc.nat({ max: 2_000_000 }).map(length => `Content-Length: ${length}\r\n\r\n`),
      fc.constantFrom(
        ANSWER,
        frame('{}'),
        frame(`${ANSWER} `),
        frame('{"id":1,"result":{}}'),
        'Content-Length: ',
        'Content-Length: 5\n',
        'content-length:60\r\n',
        'Content-Type: text/plain; charset=latin1\r\n',
        'X: Content-Length: 3\r\n\r\n',
        '{',
        '{"',
        '[',
        '5',
        '\r\n\r\n',
        'Beer\n',
      ),
    ),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''));

describe('FirstFrame', () => {
  const cases: Array<[title: string, before: string]> = [
    ['nothing', ''],
    ['a line', 'Beer\n'],
    ['a word without a line break', 'Beer'],
    ['a brace', '{'],
    ['a short length', 'Content-Length: 5\r\n\r\n'],
    ['a length of all that follows', 'Content-Length: 500\r\n\r\n'],
    ['a length without a line break', 'Content-Length: 5'],
    ['a length line of a header that goes on', 'Content-Length: 5\r\n'],
    ['a field of a header that goes on', 'Content-Type: text/plain\r\n'],
    ['half a field name', 'Content-Len'],
    ['a frame of another program', frame('{"id":7,"result":{}}')],
    ['an empty frame', frame('')],
    ['a frame that is not JSON', frame('hello')],
    ['the answer without a header', ANSWER],
    ['colours', '\x1b[31mred\x1b[0m\r\n'],
    ['every byte', Array.from({ length: 256 }, (_, at) => String.fromCharCode(at)).join('')],
  ];
  for (const [title, before] of cases) {
    it(`finds the frame after ${title}, however the stream is cut`, () => {
      const stream = latin1(`${before}${frame(ANSWER)}Content-Length: 3`);
      const expected = { skipped: before, frames: `${frame(ANSWER)}Content-Length: 3` };
      expect(search([stream])).to.deep.equal(expected);
      expect(search(oneByOne(stream))).to.deep.equal(expected);
    });
  }

  it('finds the frame after any bytes, and reports all of them as skipped', () => {
    fc.assert(
      fc.property(hostile, cuts, anyBytes({ maxLength: 50 }), (before, places, rest) => {
        fc.pre(!before.includes(frame(ANSWER)));
        const stream = latin1(before + frame(ANSWER) + rest);
        expect(search(cut(stream, places))).to.deep.equal({ skipped: before, frames: frame(ANSWER) + rest });
      }),
      { numRuns: 2000 },
    );
  });

  it('reports the same for any bytes, whatever the chunks are', () => {
    fc.assert(
      fc.property(hostile, cuts, (bytes, places) => {
        const stream = latin1(bytes);
        expect(search(cut(stream, places))).to.deep.equal(search([stream]));
        expect(search(oneByOne(stream))).to.deep.equal(search([stream]));
      }),
      { numRuns: 500 },
    );
  });

  it('reports the whole stream as skipped if it ends without a frame', () => {
    for (const stream of ['Password: ', 'Content-Length: 9\r\n\r\n{', frame('{}'), 'x'.repeat(100_000)]) {
      expect(search([latin1(stream)])).to.deep.equal({ skipped: stream, frames: undefined });
    }
  });

  it('accepts a header with more fields, but no other charset', () => {
    const header = `Content-Length: ${ANSWER.length}\r\nContent-Type: a/b; charset=`;
    const good = `${header}utf8\r\n\r\n${ANSWER}`;
    const bad = `${header}latin1\r\n\r\n${ANSWER}`;
    expect(search([latin1(bad + good)])).to.deep.equal({ skipped: bad, frames: good });
  });

  it('searches up to the last byte of the limit', () => {
    const full = 'x'.repeat(MAX_START_UP_OUTPUT_BYTES);
    expect(search([latin1(full + frame(ANSWER))]).frames).to.equal(frame(ANSWER));
    expect(search([latin1(full), latin1(frame(ANSWER))]).frames).to.equal(frame(ANSWER));
    expect(search([latin1(`${full}x${frame(ANSWER)}`)]).frames).to.equal('lost');
    expect(search([latin1(`${full}${'x'.repeat(100)}`)]).frames).to.equal('lost');
  });

  it('accepts a body of the maximum length, and no longer one', () => {
    const longest = frame('x'.repeat(MAX_FIRST_FRAME_BYTES));
    const longer = frame('x'.repeat(MAX_FIRST_FRAME_BYTES + 50));
    const any = () => true;
    expect(search([latin1(longest)], any).frames).to.equal(longest);
    expect(search([latin1(longer), latin1(frame('later'))], any).frames).to.equal('lost');
  });

  const nearly = {
    'lengths of bodies that are not there': 'Content-Length: 999999\n\n',
    'lengths of one header': 'Content-Length: 9\n',
    'headers without an end': 'Content-Length: 9\nX: ',
    'bodies that are refused': 'Content-Length: 1\n\n{',
    'half fields': 'Content-Length:',
  };
  for (const [title, text] of Object.entries(nearly)) {
    it(`ends the search at the limit, and checks each header once: ${title}`, () => {
      let checkedBytes = 0;
      const stream = latin1(
        text.repeat(Math.ceil((MAX_START_UP_OUTPUT_BYTES + MAX_HEADER_BYTES) / text.length) + 100),
      );
      const places = Array.from({ length: 40 }, (_, at) => at * 30_011);
      const { frames } = search(cut(stream, places), body => {
        checkedBytes += body.length;
        return false;
      });
      expect(frames).to.equal('lost');
      expect(checkedBytes).to.be.at.most(stream.length);
    });
  }
});

import { expect } from 'chai';
import fc from 'fast-check';
import { FrameDecoder } from '../../../src/protocol/framing/frame-decoder.ts';
import { JsonScan } from '../../../src/protocol/framing/json-scan.ts';
import { LineDecoder } from '../../../src/protocol/framing/line-decoder.ts';
import { MAX_FRAME_VALUES, MAX_NESTING } from '../../../src/protocol/limits.ts';
import { anyBytes, cut, cuts, frame, latin1 } from './support.ts';

const scanned = (chunks: readonly Buffer[], maxValues = 1e6, maxNesting = 1000): JsonScan => {
  const scan = new JsonScan(maxValues, maxNesting);
  for (const chunk of chunks) scan.push(chunk);
  return scan;
};

/** The deepest nesting, computed by recursion over the value. */
const depthOf = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
};

/** The number of values in a value, not counting itself; an empty array or object counts as if it had an entry. */
const entriesOf = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  const entries = Object.values(value);
  return Math.max(1, entries.length) + entries.reduce((sum: number, entry) => sum + entriesOf(entry), 0);
};

const anyJson = fc.oneof(
  fc.jsonValue({ maxDepth: 8 }),
  // Strings that contain brackets and commas.
  fc.array(fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', 'a') })),
);

describe('JsonScan', () => {
  it('finds depth and number of values of any JSON, whatever the chunks are', () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom(undefined, 2), cuts, (value, indent, places) => {
        const { depth, values } = scanned(cut(Buffer.from(JSON.stringify(value, null, indent)), places));
        expect({ depth, values }).to.deep.equal({ depth: depthOf(value), values: entriesOf(value) });
      }),
      { numRuns: 1000 },
    );
  });

  const cases: Array<[json: string, depth: number]> = [
    ['1', 0],
    ['', 0],
    ['[]', 1],
    ['{"a":{}}', 2],
    ['[[],[[]]]', 3],
    ['"[[["', 0],
    ['["]",[]]', 2],
    ['{"[[":"{{"}', 1],
    [String.raw`["\"[["]`, 1],
    [String.raw`["\\",[]]`, 2],
    [String.raw`["\\\"[[",[]]`, 2],
    [String.raw`["\u005b[["]`, 1],
  ];
  for (const [json, depth] of cases) {
    it(`finds depth ${depth} in ${json || 'nothing'}, whole or byte by byte`, () => {
      const bytes = Buffer.from(json);
      const single = Array.from(bytes, byte => Buffer.of(byte));
      expect([scanned([bytes]).depth, scanned(single).depth]).to.deep.equal([depth, depth]);
    });
  }

  it('reports text above a limit, and accepts text at the limit', () => {
    const nested = (depth: number) => [Buffer.from('['.repeat(depth) + ']'.repeat(depth))];
    const wide = (entries: number) => [Buffer.from(JSON.stringify(Array(entries).fill(0)))];
    expect([scanned(nested(5), 100, 5), scanned(wide(5), 5)].map(({ problem }) => problem)).to.deep.equal([
      undefined,
      undefined,
    ]);
    expect(
      [scanned(nested(6), 100, 5), scanned(wide(6), 5)].map(({ problem }) => problem?.message),
    ).to.deep.equal(['the message is nested deeper than 5 levels', 'frameValues: 6 exceeds the limit of 5']);
  });

  it('accepts any bytes', () => {
    fc.assert(
      fc.property(anyBytes(), text => {
        expect(scanned([latin1(text)], 5, 5).values).to.be.within(0, 6);
      }),
    );
  });
});

describe('a decoder', () => {
  const objects = (count: number) => `[${Array(count).fill('{}').join(',')}]`;
  const tooDeep = '['.repeat(MAX_NESTING + 1);
  const refusals = [
    `frameValues: ${MAX_FRAME_VALUES + 1} exceeds the limit of ${MAX_FRAME_VALUES}`,
    `the message is nested deeper than ${MAX_NESTING} levels`,
  ];
  const bodies = [objects(MAX_FRAME_VALUES), tooDeep, '{"id":1}'];

  it('of frames rejects an expensive body before all of it has arrived, and finds the next frame', () => {
    const reports: string[] = [];
    const decoder = new FrameDecoder({
      frame: body => reports.push(body.toString()),
      rejected: error => reports.push(error.message),
      lost: reason => reports.push(reason),
    });
    const [first = '', ...others] = bodies.map(frame);
    decoder.push(latin1(first.slice(0, -10)));
    expect(reports).to.deep.equal(refusals.slice(0, 1));
    decoder.push(latin1(first.slice(-10) + others.join('')));
    expect(reports).to.deep.equal([...refusals, '{"id":1}']);
  });

  it('of frames does not scan the bytes of a chunk', () => {
    const reports: string[] = [];
    const message = '{"method":"m","params":{}}\n';
    const body = message + '['.repeat(1000);
    const header = `Content-Type: application/vnd.exec-server.chunk\r\nContent-Length: ${body.length}\r\n\r\n`;
    const decoder = new FrameDecoder({
      frame: bytes => reports.push(bytes.toString()),
      rejected: error => reports.push(error.message),
      lost: reason => reports.push(reason),
    });
    const bytes = latin1(header + body);
    for (const part of cut(bytes, [header.length + 5, header.length + message.length + 3]))
      decoder.push(part);
    expect(reports).to.deep.equal([body]);
  });

  it('of lines rejects it at the end of the line', () => {
    const reports: string[] = [];
    const decoder = new LineDecoder({
      frame: body => reports.push(body.toString()),
      rejected: error => reports.push(error.message),
      lost: reason => reports.push(reason),
    });
    decoder.push(latin1(bodies.map(body => `${body}\n`).join('')));
    expect(reports).to.deep.equal([...refusals, '{"id":1}']);
  });
});

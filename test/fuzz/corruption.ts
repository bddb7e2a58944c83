import fc from 'fast-check';

/** A change to the bytes of a frame, regardless of its content. */
export type Corruption = (frame: Buffer) => Buffer;

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (frame: Buffer, fraction: number): number => Math.floor(fraction * frame.length);
const near = (frame: Buffer, fraction: number): number => Math.floor(fraction * Math.min(frame.length, 40));

const insert = (frame: Buffer, offset: number, more: Buffer): Buffer =>
  Buffer.concat([frame.subarray(0, offset), more, frame.subarray(offset)]);

const flip = fc.tuple(place, fc.integer({ min: 1, max: 255 }), fc.boolean()).map(
  ([where, bits, inHeader]): Corruption =>
    frame => {
      const changed = Buffer.from(frame);
      const offset = inHeader ? near(frame, where) : at(frame, where);
      changed[offset] = (changed[offset] ?? 0) ^ bits;
      return changed;
    },
);

const truncate = place.map(
  (where): Corruption =>
    frame =>
      frame.subarray(0, at(frame, where)),
);

const dropStart = place.map(
  (where): Corruption =>
    frame =>
      frame.subarray(at(frame, where)),
);

const repeat = fc.tuple(place, place).map(
  ([from, to]): Corruption =>
    frame => {
      const [start, end] = [at(frame, Math.min(from, to)), at(frame, Math.max(from, to))];
      return insert(frame, end, frame.subarray(start, end));
    },
);

const noise = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 30 }).map(bytes => Buffer.from(bytes)),
  fc
    .constantFrom(
      ...[
        '\n',
        '\r\n',
        '\r\n\r\n',
        '\0',
        '{',
        '}',
        '[',
        ']',
        '"',
        ':',
        'Content-Length: ',
        'content-length:5\n\n',
      ],
      ...[
        'Content-Length: -1\r\n\r\n',
        'Content-Length: 1.5\r\n\r\n',
        'Content-Length: \r\n\r\n',
        'hello\nworld\n',
      ],
      ...[
        'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
        'Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}',
      ],
      ...[
        'Content-Type: a; charset=latin1\r\nContent-Length: 2\r\n\r\n{}',
        'X: y\r\n\r\n',
        'Content-Length: 0\r\n\r\n',
      ],
      ...[
        'Content-Length: 5\nContent-Type: application/vnd.exec-server.chunk\n\n{}\nab',
        `X: ${'y'.repeat(9000)}`,
      ],
    )
    .map(text => Buffer.from(text)),
);
const insertNoise = fc.tuple(place, noise).map(
  ([where, bytes]): Corruption =>
    frame =>
      insert(frame, at(frame, where), bytes),
);
const prependNoise = noise.map(
  (bytes): Corruption =>
    frame =>
      insert(frame, 0, bytes),
);

const changeLength = fc.constantFrom(-3, -1, 1, 2, 50, 1000).map(
  (by): Corruption =>
    frame =>
      Buffer.from(
        frame.toString('latin1').replace(/\d+/, length => String(Math.max(0, Number(length) + by))),
        'latin1',
      ),
);

/** One to three changes in sequence. */
export const corruption: fc.Arbitrary<Corruption> = fc
  .array(fc.oneof(flip, flip, truncate, dropStart, repeat, insertNoise, prependNoise, changeLength), {
    minLength: 1,
    maxLength: 3,
  })
  .map(changes => frame => changes.reduce((changed, change) => change(changed), frame));

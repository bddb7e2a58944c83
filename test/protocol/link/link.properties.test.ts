import { PassThrough, Transform } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { Link, type Pipe } from '../../../src/protocol/link/link.ts';

/** Encodes a message: its length, its kind, its bytes. */
const encode = (kind: 'data' | 'ack', bytes: Buffer): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(bytes.length);
  header[4] = kind === 'ack' ? 1 : 0;
  return Buffer.concat([header, bytes]);
};

const encodeAck = (total: number): Buffer => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(total, 0, 6);
  return encode('ack', bytes);
};

/** A link with messages over it: acknowledgements are among them. */
class End {
  readonly link: Link;
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  sentBytes = 0;
  readonly sent: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);

  constructor(replayBytes: number) {
    this.link = new Link({
      receivedBytes: 0,
      sentBytes: 0,
      replayBytes,
      onDetached: () => {},
      ackFrame: encodeAck,
      // Memory that is used again.
      release: chunk => chunk.fill(0xff),
    });
    this.link.input.on('data', (chunk: Buffer) => this.#decode(chunk));
  }

  send(data: Buffer): void {
    this.sent.push(data);
    this.sentBytes += data.length;
    this.link.output.write(encode('data', data));
  }

  #decode(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5) {
      const end = 5 + this.#rest.readUInt32BE();
      if (this.#rest.length < end) return;
      const body = this.#rest.subarray(5, end);
      if (this.#rest[4] === 1) this.link.acknowledged(body.readUIntBE(0, 6));
      else {
        this.received.push(body);
        this.receivedBytes += body.length;
      }
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** A pipe whose bytes have no memory in common with those written to it, as between two processes. */
const copyingPipe = (): Transform =>
  new Transform({ transform: (chunk: Buffer, _, done) => done(null, Buffer.from(chunk)) });

/** Two ends, and the pipes between them. */
class Pair {
  readonly ends: readonly [End, End];
  #pipes: Pipe[] = [];

  constructor(replayBytes: number) {
    this.ends = [new End(replayBytes), new End(replayBytes)];
    this.connect();
  }

  /** Replaces the pipe by a new one: what is under way on the old one is lost. */
  connect(): void {
    this.disconnect();
    const [one, other] = this.ends.map(({ link }) => link) as [Link, Link];
    const [there, back] = [copyingPipe(), copyingPipe()];
    this.#pipes = [
      { input: back, output: there },
      { input: there, output: back },
    ];
    const totals = [one.receivedBytes, other.receivedBytes] as const;
    one.attach(this.#pipes[0] as Pipe, totals[1]);
    other.attach(this.#pipes[1] as Pipe, totals[0]);
  }

  disconnect(): void {
    for (const { link } of this.ends) link.detach();
    for (const { input, output } of this.#pipes) {
      input.destroy();
      output.destroy();
    }
  }

  get isDelivered(): boolean {
    const [one, other] = this.ends;
    return one.receivedBytes === other.sentBytes && other.receivedBytes === one.sentBytes;
  }

  expectDelivered(): void {
    const [one, other] = this.ends;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const)
      expect(Buffer.concat(to.received).equals(Buffer.concat(from.sent))).to.equal(true);
  }
}

describe('Link', () => {
  const chunk = fc
    .tuple(fc.integer({ min: 1, max: 40_000 }), fc.integer({ min: 0, max: 255 }))
    .map(([bytes, fill]) => Buffer.alloc(bytes, `${fill}:`));
  const step = fc.oneof(
    fc.record({ side: fc.constantFrom(0 as const, 1 as const), chunk }),
    fc.constant('cut' as const),
    fc.constant('turn' as const),
  );

  it('delivers the bytes of both sides once and in order, wherever the pipes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 200_000 }),
        async (steps, replayBytes) => {
          const pair = new Pair(replayBytes);
          for (const step of steps) {
            if (step === 'cut') pair.connect();
            else if (step === 'turn') await turn();
            else pair.ends[step.side].send(step.chunk);
          }
          // With room for less than an acknowledgement is due for, only another pipe brings the next one soon.
          for (let turns = 1; turns < 5000 && !pair.isDelivered; turns += 1) {
            await turn();
            if (turns % 50 === 0) pair.connect();
          }
          pair.expectDelivered();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('delivers the bytes of both sides while neither has room', async () => {
    const pair = new Pair(256 * 1024);
    pair.disconnect();
    // What is sent in a later turn waits for room, and so would an acknowledgement behind it.
    for (let round = 0; round < 3; round += 1) {
      for (const end of pair.ends)
        for (let at = 0; at < 10; at += 1) end.send(Buffer.alloc(50_000, `${at} `));
      await turn();
    }
    pair.connect();
    for (let turns = 0; turns < 5000 && !pair.isDelivered; turns += 1) await turn();
    pair.expectDelivered();
  });

  it('notices a pipe that has ended before it was attached', async () => {
    let detached = 0;
    const link = new Link({
      receivedBytes: 0,
      sentBytes: 0,
      replayBytes: 1000,
      onDetached: () => {
        detached += 1;
      },
      ackFrame: encodeAck,
    });
    const pipe = new PassThrough();
    pipe.destroy();
    await turn();
    link.attach({ input: pipe, output: pipe }, 0);
    await turn();
    expect([detached, link.isAttached]).to.deep.equal([1, false]);
  });
});

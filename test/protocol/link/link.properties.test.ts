import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { Link, type Pipe } from '../../../src/protocol/link/link.ts';

/** Two links, and the pipes between them. */
class Pair {
  readonly received: [Buffer[], Buffer[]] = [[], []];
  readonly links: readonly [Link, Link];
  #pipes: Pipe[] = [];

  constructor(replayBytes: number) {
    const link = (side: 0 | 1): Link =>
      new Link({
        receivedBytes: 0,
        sentBytes: 0,
        replayBytes,
        onDetached: () => {},
        onAckDue: bytes => this.links[side === 0 ? 1 : 0].acknowledged(bytes),
      });
    this.links = [link(0), link(1)];
    for (const side of [0, 1] as const)
      this.links[side].input.on('data', chunk => this.received[side].push(chunk));
    this.connect();
  }

  /** Replaces the pipe by a new one: what is under way on the old one is lost. */
  connect(): void {
    const [one, other] = this.links;
    for (const link of this.links) link.detach();
    for (const { input, output } of this.#pipes) {
      input.destroy();
      output.destroy();
    }
    const [there, back] = [new PassThrough(), new PassThrough()];
    this.#pipes = [
      { input: back, output: there },
      { input: there, output: back },
    ];
    const totals = [one.receivedBytes, other.receivedBytes] as const;
    one.attach(this.#pipes[0] as Pipe, totals[1]);
    other.attach(this.#pipes[1] as Pipe, totals[0]);
  }
}

describe('Link', () => {
  const chunk = fc.uint8Array({ minLength: 1, maxLength: 300 }).map(bytes => Buffer.from(bytes));
  const step = fc.oneof(
    fc.record({ side: fc.constantFrom(0 as const, 1 as const), chunk }),
    fc.constant('cut' as const),
    fc.constant('turn' as const),
  );

  it('delivers the bytes of both sides once and in order, wherever the pipes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 2000 }),
        async (steps, replayBytes) => {
          const pair = new Pair(replayBytes);
          const sent: [Buffer[], Buffer[]] = [[], []];
          for (const step of steps) {
            if (step === 'cut') pair.connect();
            else if (step === 'turn') await turn();
            else {
              sent[step.side].push(step.chunk);
              pair.links[step.side].output.write(step.chunk);
            }
          }
          const all = (side: 0 | 1) => Buffer.concat(sent[side]);
          const arrived = (side: 0 | 1) => Buffer.concat(pair.received[side === 0 ? 1 : 0]);
          for (let turns = 0; turns < 200; turns += 1) {
            await turn();
            for (const link of pair.links)
              link.acknowledged(pair.links[link === pair.links[0] ? 1 : 0].receivedBytes);
          }
          for (const side of [0, 1] as const) expect(arrived(side).equals(all(side))).to.equal(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

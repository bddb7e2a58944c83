import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import type { OutputStream, StreamBytes } from '../../../../src/protocol/process.ts';
import { OUTPUT_HIGH_WATER_BYTES } from '../../../../src/server/connection/limits.ts';
import { Outbound } from '../../../../src/server/connection/outbound.ts';
import { Credit } from '../../../../src/server/process/output/credit.ts';
import { type Chunk, HeadTail } from '../../../../src/server/process/output/head-tail.ts';
import { OutputFlow } from '../../../../src/server/process/output/output-flow.ts';
import { until } from '../../../support/until.ts';
import { SlowClient, settle } from '../../support/slow-client.ts';

const KIB = 1024;
/** Two of these exceed the queue. */
const BIG = 80 * KIB;

type Options = {
  readonly client?: SlowClient;
  readonly outbound?: Outbound;
  readonly windowBytes?: number;
  readonly maxBytes?: number;
};

/** A flow to a client, and its events. */
const flowing = ({
  client = new SlowClient(),
  outbound = new Outbound(client.writer),
  windowBytes,
  maxBytes,
}: Options = {}) => {
  const sent: Array<Chunk & { readonly seq: number }> = [];
  const events: string[] = [];
  const dropped: StreamBytes[] = [];
  const flow = new OutputFlow(
    outbound,
    new Credit(windowBytes ?? Number.POSITIVE_INFINITY),
    maxBytes === undefined ? undefined : new HeadTail(maxBytes),
    {
      output: chunk => {
        const seq = sent.length + 1;
        // Valid only during the call.
        const bytes = Buffer.from(chunk.bytes);
        sent.push({ ...chunk, bytes, seq });
        events.push(chunk.stream);
        client.writer.send(bytes);
        return seq;
      },
      dropped: bytes => {
        dropped.push(bytes);
        events.push('dropped');
      },
      ended: () => events.push('ended'),
    },
  );
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  flow.attach({ stdout, stderr, pty: null });
  const text = (stream: OutputStream) =>
    Buffer.concat(sent.filter(chunk => chunk.stream === stream).map(({ bytes }) => bytes)).toString('latin1');
  return { client, outbound, flow, stdout, stderr, sent, events, dropped, text };
};

/** A flow whose client has stopped reading, with a full queue. */
const congested = (options: Options = {}) => {
  const all = flowing(options);
  all.client.stall();
  all.client.writer.send(Buffer.alloc(OUTPUT_HIGH_WATER_BYTES + 1));
  return all;
};

describe('OutputFlow', () => {
  describe('with a client that keeps up', () => {
    it('sends output in the order of each stream and ends once when both have ended', async () => {
      const { flow, stdout, stderr, events, text } = flowing();
      for (let at = 0; at < 100; at += 1) (at % 3 ? stdout : stderr).write(`${at},`);
      stdout.end('last');
      await until(() => stdout.closed, 'stdout has not ended');
      const endedBefore = flow.ended;
      stderr.end();
      await until(() => flow.ended, 'the flow has not ended');
      const numbers = Array.from({ length: 100 }, (_, at) => at);
      expect({
        endedBefore,
        stdout: text('stdout'),
        stderr: text('stderr'),
        end: events.slice(-1),
      }).to.deep.equal({
        endedBefore: false,
        stdout: `${numbers
          .filter(at => at % 3)
          .map(at => `${at},`)
          .join('')}last`,
        stderr: numbers
          .filter(at => at % 3 === 0)
          .map(at => `${at},`)
          .join(''),
        end: ['ended'],
      });
      expect([events.filter(what => what === 'ended').length, flow.stalls, flow.stalled]).to.deep.equal([
        1,
        0,
        false,
      ]);
    });

    it('counts the bytes of each stream', async () => {
      const { flow, stdout, stderr } = flowing();
      stdout.end('12345');
      stderr.end('678');
      await until(() => flow.ended, 'the flow has not ended');
      expect(flow.bytes).to.deep.equal({ stdout: 5, stderr: 3, pty: 0 });
    });

    it('treats a broken stream as ended', async () => {
      const { flow, stdout, stderr, events } = flowing();
      stdout.write('x');
      await settle();
      stdout.destroy(new Error('EIO'));
      stderr.end();
      await until(() => flow.ended, 'the flow has not ended');
      expect(events).to.deep.equal(['stdout', 'ended']);
    });

    it('does not end while a stream is open', async () => {
      const { flow, stdout, events } = flowing();
      stdout.end('x');
      await until(() => stdout.closed, 'stdout has not ended');
      await settle();
      expect([flow.ended, events]).to.deep.equal([false, ['stdout']]);
    });
  });

  describe('lossless, with a client that does not read', () => {
    it('reads one chunk of each stream until the client reads', async () => {
      const { flow, client, stdout, stderr, events, text } = congested();
      stdout.write('a');
      await settle();
      stdout.write('b');
      stderr.write('c');
      await settle();
      stderr.write('d');
      await settle();
      expect({
        events: [...events],
        paused: [stdout.isPaused(), stderr.isPaused()],
        left: [stdout.readableLength, stderr.readableLength],
        stalled: flow.stalled,
        stalls: flow.stalls,
      }).to.deep.equal({ events: [], paused: [true, true], left: [1, 1], stalled: true, stalls: 2 });
      client.resume();
      await until(() => events.length === 4, 'not all was sent');
      expect({
        text: [text('stdout'), text('stderr')],
        paused: [stdout.isPaused(), stderr.isPaused()],
        stalled: flow.stalled,
        stalls: flow.stalls,
      }).to.deep.equal({ text: ['ab', 'cd'], paused: [false, false], stalled: false, stalls: 2 });
    });

    it('makes the writer wait', async () => {
      const { stdout } = congested();
      let written = 0;
      while (stdout.write(Buffer.alloc(KIB)) && written < 1000) {
        written += 1;
        await settle();
      }
      expect(written).to.be.below(1000);
    });

    it('ends after everything was sent', async () => {
      const { flow, client, stdout, stderr, events } = congested();
      stdout.end('a');
      stderr.end();
      await until(() => stdout.closed && stderr.closed, 'a stream has not ended');
      const before = [flow.ended, [...events]];
      client.resume();
      await until(() => flow.ended, 'the flow has not ended');
      expect([before, events]).to.deep.equal([
        [false, []],
        ['stdout', 'ended'],
      ]);
    });

    it('stops reading when it is cut, and sends the output that was read', async () => {
      const { flow, client, stdout, stderr, events, text } = congested();
      stdout.write('read');
      await settle();
      stdout.write('unread');
      flow.cut();
      const before = flow.ended;
      client.resume();
      await until(() => flow.ended, 'the flow has not ended');
      stderr.write('late');
      stdout.end();
      stderr.end();
      await settle();
      expect([before, events, text('stdout')]).to.deep.equal([false, ['stdout', 'ended'], 'read']);
    });

    it('ends immediately when it is cut with nothing left to send', () => {
      const { flow, events } = flowing();
      flow.cut();
      flow.cut();
      expect([flow.ended, events]).to.deep.equal([true, ['ended']]);
    });
  });

  describe('with a credit window', () => {
    const windowBytes = 100;

    it('sends within the window and continues with each acknowledgement', async () => {
      const { flow, stdout, sent } = flowing({ windowBytes });
      const counts: Array<[sent: number, stalled: boolean]> = [];
      const note = async () => {
        await settle();
        counts.push([sent.length, flow.stalled]);
      };
      for (let at = 0; at < 4; at += 1) {
        stdout.write(Buffer.alloc(50));
        await settle();
      }
      await note();
      flow.acknowledge(1);
      await note();
      flow.acknowledge(1);
      await note();
      flow.acknowledge(3);
      await note();
      expect(counts).to.deep.equal([
        [2, true],
        [3, true],
        [3, true],
        [4, false],
      ]);
    });

    it('keeps the order: no chunk overtakes one that waits', async () => {
      const { flow, stdout, stderr, events } = flowing({ windowBytes });
      stdout.write(Buffer.alloc(60));
      await settle();
      stdout.write(Buffer.alloc(60));
      await settle();
      stderr.write('x');
      await settle();
      const before = [...events];
      flow.acknowledge(1);
      expect([before, events]).to.deep.equal([['stdout'], ['stdout', 'stdout', 'stderr']]);
    });

    it('does not end before the last chunk has credit', async () => {
      const { flow, stdout, stderr, events } = flowing({ windowBytes });
      stdout.write(Buffer.alloc(100));
      await settle();
      stdout.end('x');
      stderr.end();
      await until(() => stderr.closed, 'stderr has not ended');
      const before = [...events];
      flow.acknowledge(1);
      await until(() => flow.ended, 'the flow has not ended');
      expect([before, events]).to.deep.equal([['stdout'], ['stdout', 'stdout', 'ended']]);
    });

    it('waits for its turn after an acknowledgement', async () => {
      const { flow, client, outbound, stdout, sent } = flowing({ windowBytes });
      stdout.write(Buffer.alloc(100));
      await settle();
      stdout.write('x');
      await settle();
      client.stall();
      client.writer.send(Buffer.alloc(OUTPUT_HIGH_WATER_BYTES + 1));
      flow.acknowledge(1);
      flow.acknowledge(1);
      await settle();
      const before = sent.length;
      client.resume();
      await until(() => sent.length === 2, 'the flow had no turn');
      expect([before, outbound.open]).to.deep.equal([1, true]);
    });
  });

  describe('with head and tail', () => {
    it('never pauses a stream', async () => {
      const { flow, stdout, stderr, events } = congested({ maxBytes: 10 });
      for (let at = 0; at < 100; at += 1) {
        stdout.write(Buffer.alloc(KIB));
        stderr.write(Buffer.alloc(KIB));
        await settle();
      }
      expect({
        events,
        paused: [stdout.isPaused(), stderr.isPaused()],
        left: [stdout.readableLength, stderr.readableLength],
        ended: flow.ended,
      }).to.deep.equal({ events: [], paused: [false, false], left: [0, 0], ended: false });
    });

    it('sends the head, the dropped bytes and the tail, and then ends', async () => {
      const { flow, stdout, stderr, events, dropped, text } = flowing({ maxBytes: 10 });
      for (const letter of 'abcdefghijklmno') stdout.write(letter);
      await settle();
      const before = text('stdout');
      stdout.end();
      await until(() => stdout.closed, 'stdout has not ended');
      stderr.end('12');
      await until(() => flow.ended, 'the flow has not ended');
      expect({
        before,
        text: [text('stdout'), text('stderr')],
        dropped,
        end: events.slice(-4),
      }).to.deep.equal({
        before: 'abcde',
        text: ['abcdemno', '12'],
        dropped: [{ stdout: 7, stderr: 0, pty: 0 }],
        end: ['dropped', 'stdout', 'stderr', 'ended'],
      });
      expect(flow.bytes).to.deep.equal({ stdout: 8, stderr: 2, pty: 0 });
    });

    it('reports no dropped bytes if there are none', async () => {
      const { flow, stdout, stderr, events } = flowing({ maxBytes: 10 });
      stdout.end('abcdefghij');
      stderr.end();
      await until(() => flow.ended, 'the flow has not ended');
      expect(events).to.deep.equal(['stdout', 'stdout', 'ended']);
    });

    it('sends everything to a client that reads late', async () => {
      const { flow, client, stdout, stderr, events, text } = congested({ maxBytes: 10 });
      stdout.end('abcdefghijklmno');
      stderr.end();
      await until(() => stdout.closed && stderr.closed, 'a stream has not ended');
      const before = [flow.ended, [...events]];
      client.resume();
      await until(() => flow.ended, 'the flow has not ended');
      expect([before, events, text('stdout')]).to.deep.equal([
        [false, []],
        ['stdout', 'dropped', 'stdout', 'ended'],
        'abcdeklmno',
      ]);
    });

    it('sends the tail when it is cut', () => {
      const { flow, events, dropped } = flowing({ maxBytes: 10 });
      flow.cut();
      expect([flow.ended, events, dropped]).to.deep.equal([true, ['ended'], []]);
    });
  });

  it('shares the connection fairly between processes', async () => {
    const client = new SlowClient();
    const outbound = new Outbound(client.writer);
    client.stall();
    const order: string[] = [];
    const flows = ['a', 'b', 'c'].map(name => {
      const all = flowing({ client, outbound });
      const { sent } = all;
      const push = sent.push.bind(sent);
      sent.push = chunk => {
        order.push(name);
        return push(chunk);
      };
      return all;
    });
    // The first flow fills the queue before the others have output.
    for (const { stdout } of flows) {
      for (let at = 0; at < 6; at += 1) stdout.push(Buffer.alloc(BIG));
    }
    while (order.length < 18) {
      await settle();
      client.readOne();
    }
    // The first flow has a head start while the queue is short; then they alternate.
    expect(order.join('')).to.match(/^a*(?:bca)+(?:bc)*$/);
  });

  it('alternates between flows that have read much already', async () => {
    const { client, outbound } = congested();
    const order: string[] = [];
    for (const name of ['a', 'b']) {
      const { stdout, sent } = flowing({ client, outbound, maxBytes: 2 ** 20 });
      const push = sent.push.bind(sent);
      sent.push = chunk => {
        order.push(name);
        return push(chunk);
      };
      for (let at = 0; at < 6; at += 1) stdout.push(Buffer.alloc(KIB));
    }
    await settle();
    client.resume();
    await until(() => order.length === 12, 'not all is sent');
    expect(order.join('')).to.equal('abababababab');
  });

  it('loses, repeats and reorders nothing for any behaviour of client and process', async () => {
    const step = fc.oneof(
      fc.record({
        stream: fc.constantFrom('stdout' as const, 'stderr' as const),
        length: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 64 * KIB })),
      }),
      fc.constantFrom('stall' as const, 'resume' as const, 'readOne' as const, 'acknowledge' as const),
    );
    const windows = fc.constantFrom(64 * KIB, 256 * KIB, Number.POSITIVE_INFINITY);
    await fc.assert(
      fc.asyncProperty(windows, fc.array(step, { maxLength: 40 }), async (windowBytes, steps) => {
        const { client, flow, stdout, stderr, sent, events, text } = flowing({ windowBytes });
        const written = { stdout: '', stderr: '' };
        let next = 0;
        for (const each of steps) {
          if (each === 'acknowledge') flow.acknowledge(sent.length);
          else if (typeof each === 'string') client[each]();
          else {
            const bytes = Buffer.from(Array.from({ length: each.length }, () => next++ % 251));
            written[each.stream] += bytes.toString('latin1');
            // Pushed like a read of a pipe, and no longer than one.
            (each.stream === 'stdout' ? stdout : stderr).push(bytes);
          }
          if (next % 2) await settle();
        }
        stdout.end();
        stderr.end();
        client.resume();
        await until(() => {
          flow.acknowledge(sent.length);
          return flow.ended;
        }, 'the flow has not ended');
        expect([text('stdout') === written.stdout, text('stderr') === written.stderr]).to.deep.equal([
          true,
          true,
        ]);
        expect(flow.bytes).to.deep.equal({
          stdout: written.stdout.length,
          stderr: written.stderr.length,
          pty: 0,
        });
        expect([events.indexOf('ended'), flow.stalled]).to.deep.equal([events.length - 1, false]);
      }),
      { numRuns: 60 },
    );
  });
});

import { expect } from 'chai';
import { processExited } from '../../../src/protocol/process.ts';
import { OUTPUT_HIGH_WATER_BYTES } from '../../../src/server/connection/limits.ts';
import { Outbound } from '../../../src/server/connection/outbound.ts';
import type { OutputSource } from '../../../src/server/outlet.ts';
import { until } from '../../support/until.ts';
import { SlowClient, settle } from '../support/slow-client.ts';

/** A frame that fills the queue. */
const FULL = OUTPUT_HIGH_WATER_BYTES + 1;

/** A source that sends `left` frames of one letter. */
const source = ({ writer }: SlowClient, letter: string, left: number, length: number): OutputSource => {
  let remaining = left;
  return {
    sendNext: () => {
      if (remaining === 0) return false;
      remaining -= 1;
      writer.send(Buffer.alloc(length, letter));
      return remaining > 0;
    },
  };
};

const stalled = (highWaterMark?: number) => {
  const client = new SlowClient(highWaterMark);
  const outbound = new Outbound(client.writer);
  client.stall();
  client.writer.send(Buffer.alloc(FULL, '-'));
  return {
    client,
    outbound,
    order: () => client.frames.map(frame => String.fromCharCode(frame[0] ?? 0)).join(''),
  };
};

describe('Outbound', () => {
  it('is open until the queue reaches its limit', () => {
    const client = new SlowClient();
    const outbound = new Outbound(client.writer);
    client.stall();
    const open = [outbound.open];
    client.writer.send(Buffer.alloc(OUTPUT_HIGH_WATER_BYTES));
    open.push(outbound.open);
    client.writer.send(Buffer.alloc(1));
    open.push(outbound.open);
    expect(open).to.deep.equal([true, true, false]);
  });

  it('serves no source before the client has read', async () => {
    const { outbound, order, client } = stalled();
    outbound.wait(source(client, 'a', 1, 1));
    await settle();
    expect([order(), outbound.open]).to.deep.equal(['', false]);
    client.resume();
    await until(() => order() === '-a', 'the source had no turn');
    expect(outbound.open).to.equal(true);
  });

  it('serves sources in turn, one chunk each', async () => {
    const { outbound, order, client } = stalled();
    outbound.wait(source(client, 'a', 4, 10));
    outbound.wait(source(client, 'b', 2, 10));
    outbound.wait(source(client, 'c', 3, 10));
    client.resume();
    await until(() => order().length === 10, 'not all is read');
    expect(order()).to.equal('-abcabcaca');
  });

  it('continues with the next source after a full queue', async () => {
    const { outbound, order, client } = stalled();
    for (const letter of 'abc') outbound.wait(source(client, letter, 3, FULL));
    let mostQueued = 0;
    while (order().length < 10) {
      client.readOne();
      await settle();
      mostQueued = Math.max(mostQueued, client.writer.queuedBytes);
    }
    expect(mostQueued).to.equal(FULL);
    expect(order()).to.equal('-abcabcabc');
  });

  it('stays closed while a source waits, even if the queue is short', async () => {
    const { outbound, client } = stalled();
    const seen: boolean[] = [];
    outbound.wait({ sendNext: () => seen.push(outbound.open) > 2 && false });
    outbound.wait({ sendNext: () => seen.push(outbound.open) > 2 && false });
    client.resume();
    await until(() => seen.length === 2, 'one of them had no turn');
    expect([...seen, outbound.open]).to.deep.equal([false, true, true]);
  });

  it('sends notifications ahead of waiting sources', async () => {
    const { outbound, client } = stalled();
    outbound.wait(source(client, 'a', 1, 1));
    const exited = { processId: 'p', seq: 1, exitCode: 0, sandboxDenied: false };
    outbound.notify(processExited, exited);
    client.resume();
    await until(() => client.frames.length === 3, 'not all is read');
    const [, notification, output] = client.frames;
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'process/exited', params: exited });
    expect([String(notification), String(output)]).to.deep.equal([
      `Content-Length: ${body.length}\r\n\r\n${body}`,
      'a',
    ]);
  });

  it('serves a source that waits twice once', async () => {
    const { outbound, order, client } = stalled();
    const one = source(client, 'a', 1, 1);
    outbound.wait(one);
    outbound.wait(one);
    client.resume();
    await until(() => outbound.open, 'it had no turn');
    expect(order()).to.equal('-a');
  });

  it('loses no output if the client reads one frame at a time', async () => {
    const { outbound, order, client } = stalled();
    const sources = [...'abcdefgh'];
    for (const letter of sources) outbound.wait(source(client, letter, 50, 40_000));
    while (order().length < 401) {
      client.readOne();
      await settle();
    }
    const counts = sources.map(letter => order().split(letter).length - 1);
    expect([counts, outbound.open]).to.deep.equal([sources.map(() => 50), true]);
  });

  it('waits for the whole queue even if the stream would accept more', async () => {
    const { outbound, order, client } = stalled(100 * FULL);
    outbound.wait(source(client, 'a', 1, 1));
    await settle();
    expect(order()).to.equal('');
    client.resume();
    await until(() => order() === '-a', 'the source had no turn');
  });

  it('drops all output once the connection is broken', async () => {
    const { outbound, client } = stalled();
    let left = 5;
    outbound.wait({
      sendNext: () => {
        left -= 1;
        client.writer.send(Buffer.alloc(FULL));
        return left > 0;
      },
    });
    client.stream.destroy();
    await until(() => outbound.open, 'something still waits');
    outbound.notify(processExited, { processId: 'p', seq: 1, exitCode: 0, sandboxDenied: false });
    expect([left, client.writer.queuedBytes]).to.deep.equal([0, 0]);
  });
});

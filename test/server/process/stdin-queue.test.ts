import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import type { ExecServerError } from '../../../src/protocol/errors.ts';
import {
  MAX_STDIN_QUEUED_BYTES,
  MAX_WRITE_IDS,
  STDIN_HIGH_WATER_BYTES,
} from '../../../src/server/process/limits.ts';
import { StdinQueue } from '../../../src/server/process/stdin-queue.ts';

const bytes = (text: string) => Buffer.from(text);

/** A stream that completes no write until the test releases it. */
const stuckStream = () => {
  const taken: Buffer[] = [];
  let open = false;
  let pending: () => void = () => {};
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      taken.push(chunk);
      if (open) done();
      else pending = done;
    },
  });
  return {
    stream,
    taken: () => Buffer.concat(taken),
    release: () => {
      open = true;
      pending();
    },
  };
};

/** True if a promise has settled. */
const isSettled = async (promise: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await nextTurn();
  return settled;
};

const refusal = async (promise: Promise<unknown>) => {
  try {
    await promise;
  } catch (error) {
    return (error as ExecServerError).data;
  }
  return undefined;
};

describe('StdinQueue', () => {
  it('returns stdinClosed without a stdin', async () => {
    const queue = new StdinQueue(null);
    expect(await queue.write(bytes('x'), '1')).to.equal('stdinClosed');
    queue.end();
  });

  it('writes in the order of the calls, even if their answers are not awaited', async () => {
    const stream = new PassThrough();
    const queue = new StdinQueue(stream);
    const texts = Array.from({ length: 1000 }, (_, at) => `${at},`);
    const statuses = texts.map((text, at) => queue.write(bytes(text), at % 2 ? String(at) : undefined));
    queue.end();
    let written = '';
    for await (const chunk of stream) written += chunk;
    expect(written).to.equal(texts.join(''));
    expect(new Set(await Promise.all(statuses))).to.deep.equal(new Set(['accepted']));
  });

  it('accepts an empty chunk', async () => {
    const queue = new StdinQueue(new PassThrough());
    expect(await queue.write(Buffer.alloc(0), undefined)).to.equal('accepted');
  });

  describe('with writeIds', () => {
    it('writes a repeated one once and accepts the repetition', async () => {
      const { stream, taken, release } = stuckStream();
      release();
      const queue = new StdinQueue(stream);
      expect(
        await Promise.all([
          queue.write(bytes('a'), '1'),
          queue.write(bytes('a'), '1'),
          queue.write(bytes('b'), '2'),
          queue.write(bytes('other'), '1'),
        ]),
      ).to.deep.equal(['accepted', 'accepted', 'accepted', 'accepted']);
      expect(String(taken())).to.equal('ab');
    });

    it('treats writes without a writeId as different writes', async () => {
      const { stream, taken, release } = stuckStream();
      release();
      const queue = new StdinQueue(stream);
      await queue.write(bytes('a'), undefined);
      await queue.write(bytes('a'), undefined);
      expect(String(taken())).to.equal('aa');
    });

    it('remembers only the latest', async () => {
      const { stream, taken, release } = stuckStream();
      release();
      const queue = new StdinQueue(stream);
      await queue.write(bytes('a'), 'first');
      for (let id = 1; id < MAX_WRITE_IDS; id += 1) await queue.write(Buffer.alloc(0), String(id));
      await queue.write(bytes('a'), 'first');
      expect(String(taken())).to.equal('a');
      await queue.write(Buffer.alloc(0), 'one more');
      await queue.write(bytes('a'), 'first');
      expect(String(taken())).to.equal('aa');
    });

    it('returns stdinClosed for a repeated one after stdin was closed', async () => {
      const queue = new StdinQueue(new PassThrough());
      await queue.write(bytes('a'), '1');
      queue.end();
      expect(await queue.write(bytes('a'), '1')).to.equal('stdinClosed');
    });
  });

  describe('while the process does not read', () => {
    it('accepts small writes immediately', async () => {
      const { stream } = stuckStream();
      const queue = new StdinQueue(stream);
      expect(await isSettled(queue.write(Buffer.alloc(STDIN_HIGH_WATER_BYTES), undefined))).to.equal(true);
    });

    it('makes a writer of more wait until the process reads', async () => {
      const { stream, taken, release } = stuckStream();
      const queue = new StdinQueue(stream);
      const writes = [
        queue.write(Buffer.alloc(STDIN_HIGH_WATER_BYTES), undefined),
        queue.write(bytes('x'), undefined),
        queue.write(bytes('y'), undefined),
      ];
      expect(await Promise.all(writes.map(isSettled))).to.deep.equal([true, false, false]);
      release();
      expect(await Promise.all(writes)).to.deep.equal(['accepted', 'accepted', 'accepted']);
      expect(taken().subarray(-2)).to.deep.equal(bytes('xy'));
    });

    it('refuses a write beyond the limit and accepts it when there is room', async () => {
      const { stream, taken, release } = stuckStream();
      const queue = new StdinQueue(stream);
      const waiting = queue.write(Buffer.alloc(MAX_STDIN_QUEUED_BYTES - 1), '1');
      const last = queue.write(bytes('x'), '2');
      expect(await refusal(queue.write(bytes('y'), '3'))).to.deep.equal({
        kind: 'limitExceeded',
        limit: 'stdinQueuedBytes',
        current: MAX_STDIN_QUEUED_BYTES + 1,
        max: MAX_STDIN_QUEUED_BYTES,
      });
      release();
      expect(await Promise.all([waiting, last, queue.write(bytes('y'), '3')])).to.deep.equal([
        'accepted',
        'accepted',
        'accepted',
      ]);
      expect(taken().subarray(-2)).to.deep.equal(bytes('xy'));
    });

    it('accepts a chunk of any size while nothing is queued', async () => {
      const { stream, release } = stuckStream();
      const queue = new StdinQueue(stream);
      const write = queue.write(Buffer.alloc(MAX_STDIN_QUEUED_BYTES + 1), undefined);
      release();
      expect(await write).to.equal('accepted');
    });
  });

  describe('end', () => {
    it('ends stdin after the queued bytes and refuses later writes', async () => {
      const { stream, taken, release } = stuckStream();
      const queue = new StdinQueue(stream);
      const write = queue.write(Buffer.alloc(STDIN_HIGH_WATER_BYTES + 1, 'x'), undefined);
      queue.end();
      queue.end();
      expect(await queue.write(bytes('late'), undefined)).to.equal('stdinClosed');
      expect(await isSettled(write)).to.equal(false);
      const finished = once(stream, 'finish');
      release();
      await finished;
      expect(await write).to.equal('accepted');
      expect(taken().length).to.equal(STDIN_HIGH_WATER_BYTES + 1);
    });
  });

  describe('with a real process', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    /** A child that has started to write. */
    const begun = async (script: string) => {
      const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      return child;
    };

    it('returns stdinClosed if the process has closed its stdin', async () => {
      for (const size of [1, 2 * STDIN_HIGH_WATER_BYTES]) {
        const child = await begun('exec 0<&-; echo closed; exec sleep 600');
        const queue = new StdinQueue(child.stdin);
        expect(await queue.write(Buffer.alloc(size), '1')).to.equal('stdinClosed');
        expect(await queue.write(bytes('x'), '2')).to.equal('stdinClosed');
        queue.end();
        child.kill('SIGKILL');
        await once(child, 'close');
      }
    });

    it('returns stdinClosed for a waiting write when the process exits', async () => {
      const child = await begun('echo begun; exec sleep 600');
      const queue = new StdinQueue(child.stdin);
      const write = queue.write(Buffer.alloc(2 * STDIN_HIGH_WATER_BYTES), '1');
      expect(await isSettled(write)).to.equal(false);
      child.kill('SIGKILL');
      expect(await write).to.equal('stdinClosed');
    });

    it('returns stdinClosed for a waiting write when the process exits after end()', async () => {
      const child = await begun('echo begun; exec sleep 600');
      const queue = new StdinQueue(child.stdin);
      const write = queue.write(Buffer.alloc(2 * STDIN_HIGH_WATER_BYTES), '1');
      queue.end();
      child.kill('SIGKILL');
      expect(await write).to.equal('stdinClosed');
    });
  });
});

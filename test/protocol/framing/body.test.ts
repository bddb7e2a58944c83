import { expect } from 'chai';
import fc from 'fast-check';
import { Body } from '../../../src/protocol/framing/body.ts';
import { cut, cuts } from './support.ts';

describe('Body', () => {
  it('contains the chunks in their order, and no bytes beyond its length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat({ max: 300 }), cuts, (bytes, length, places) => {
        const all = Buffer.from(bytes);
        const body = new Body(Math.min(length, all.length));
        const taken = cut(all, places).map(chunk => body.take(chunk));
        expect(body.missing).to.equal(0);
        expect(Buffer.from(body.bytes)).to.deep.equal(all.subarray(0, body.length));
        expect(taken.reduce((sum, count) => sum + count, 0)).to.equal(body.length);
      }),
    );
  });

  it('is complete from the start if its length is 0', () => {
    const body = new Body(0);
    expect({ missing: body.missing, taken: body.take(Buffer.from('next')) }).to.deep.equal({
      missing: 0,
      taken: 0,
    });
    expect(body.bytes).to.deep.equal(Buffer.alloc(0));
  });

  it('counts the bytes that are missing', () => {
    const body = new Body(10);
    body.take(Buffer.from('abc'));
    expect(body.missing).to.equal(7);
  });

  it('copies nothing if it arrives in one chunk', () => {
    const chunk = Buffer.from('whole body and more');
    const body = new Body(10);
    body.take(chunk);
    expect(body.bytes.buffer).to.equal(chunk.buffer);
    expect(body.bytes.toString()).to.equal('whole body');
  });

  it('reserves its whole length up to 2 MiB', () => {
    const body = new Body(2 * 1024 * 1024);
    body.take(Buffer.from('0123456789'));
    expect(body.bytes.buffer.byteLength).to.equal(body.length);
  });

  it('reserves only what has arrived if it is longer than 2 MiB', () => {
    const body = new Body(64 * 1024 * 1024);
    body.take(Buffer.from('0123456789'));
    expect(body.bytes.buffer.byteLength).to.equal(10);
  });

  it('doubles its memory as it grows, up to its length, so that small chunks are copied a few times only', () => {
    const body = new Body(3_000_000);
    const sizes = new Set<number>();
    for (let taken = 0; taken < body.length; taken += 10) {
      body.take(Buffer.alloc(10));
      sizes.add(body.bytes.buffer.byteLength);
    }
    expect(sizes.size).to.be.below(25);
    expect(Math.max(...sizes)).to.equal(3_000_000);
  });
});

import { expect } from 'chai';
import { observedDispatch, tracedLog } from '../../../src/server/connection/calls.ts';

const traceparentOf = (digit: string): string => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;

describe('tracedLog', () => {
  it('adds its trace to each line that a request causes, however late', async () => {
    const lines: string[] = [];
    const log = tracedLog(line => lines.push(line));
    const dispatch = observedDispatch(async method => {
      log(`${method} begins`);
      await new Promise(setImmediate);
      log(`${method} continues`);
      setImmediate(() => log(`${method} has ended`));
      return {};
    }, undefined);
    await Promise.all([
      dispatch('a', {}, { trace: { traceparent: traceparentOf('a'), tracestate: 'k=v' } }),
      dispatch('b', {}, { trace: { traceparent: traceparentOf('b') } }),
      dispatch('c', {}, { trace: { traceparent: 'c' } }),
      dispatch('d', {}),
    ]);
    await new Promise(setImmediate);
    log('without a request');
    const a = `(traceparent ${traceparentOf('a')}, tracestate k=v)`;
    const b = `(traceparent ${traceparentOf('b')})`;
    expect(lines).to.have.members([
      ...['begins', 'continues', 'has ended'].flatMap(what => [
        `a ${what} ${a}`,
        `b ${what} ${b}`,
        `c ${what}`,
        `d ${what}`,
      ]),
      'without a request',
    ]);
  });
});

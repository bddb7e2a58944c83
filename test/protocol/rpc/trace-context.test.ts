import { expect } from 'chai';
import fc from 'fast-check';
import { traceContextOf } from '../../../src/protocol/rpc/trace-context.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

const entries = (count: number): string => Array.from({ length: count }, (_, at) => `k${at}=v`).join(',');

describe('traceContextOf', () => {
  it('accepts a traceparent of the known version, and of later ones with more fields', () => {
    for (const traceparent of [
      TRACEPARENT,
      `00-${TRACE_ID}-${SPAN_ID}-00`,
      `00-${TRACE_ID}-${SPAN_ID}-ff`,
      `01-${TRACE_ID}-${SPAN_ID}-01`,
      `fe-${TRACE_ID}-${SPAN_ID}-01-what the future brings`.replaceAll(' ', '.'),
    ]) {
      expect(traceContextOf({ traceparent, tracestate: null })).to.deep.equal({ traceparent });
    }
  });

  it('ignores a trace without a valid traceparent', () => {
    const values = [
      undefined,
      null,
      5,
      'text',
      [],
      {},
      { tracestate: 'a=b' },
      ...[
        7,
        '',
        TRACEPARENT.toUpperCase(),
        ` ${TRACEPARENT}`,
        `${TRACEPARENT}\n`,
        `${TRACEPARENT}-01`,
        `${TRACEPARENT}1`,
        `ff-${TRACE_ID}-${SPAN_ID}-01`,
        `01-${TRACE_ID}-${SPAN_ID}-01.more`,
        `01-${TRACE_ID}-${SPAN_ID}-01-a b`,
        `01-${TRACE_ID}-${SPAN_ID}-01-${'x'.repeat(256)}`,
        `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
        `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
        `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`,
        `00-${TRACE_ID}-${SPAN_ID}-1`,
      ].map(traceparent => ({ traceparent })),
    ];
    for (const value of values) expect(traceContextOf(value), JSON.stringify(value)).to.equal(undefined);
  });

  it('keeps a valid tracestate', () => {
    for (const tracestate of [
      'a=b',
      'vendor=a b!~, \t tenant-1@system=x/y:z,,k_*/-=1',
      `${'k'.repeat(256)}=${'v'.repeat(255)}`,
      entries(32),
    ]) {
      const trace = { traceparent: TRACEPARENT, tracestate };
      expect(traceContextOf({ ...trace, other: 1 }), tracestate).to.deep.equal(trace);
    }
  });

  it('drops a tracestate that is not valid, and keeps the traceparent', () => {
    for (const tracestate of [
      7,
      '',
      ' , ',
      'a',
      'a=',
      '=b',
      'A=b',
      '1a=b',
      'a=b=c',
      'a=b\nexec-server: forged',
      'a=\u00e9',
      'a=b,a=c',
      'tenant@=x',
      'a@b@c=x',
      entries(33),
      `a=${'v'.repeat(511)}`,
    ]) {
      expect(traceContextOf({ traceparent: TRACEPARENT, tracestate }), String(tracestate)).to.deep.equal({
        traceparent: TRACEPARENT,
      });
    }
  });

  it('returns printable ASCII of limited length for any value', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(TRACEPARENT, 'a=b', 'a=b,c=d'));
    const trace = fc.oneof(fc.jsonValue(), fc.record({ traceparent: text, tracestate: text }));
    fc.assert(
      fc.property(trace, value => {
        const { traceparent = '', tracestate = '' } = traceContextOf(value) ?? {};
        expect(traceparent).to.match(/^[\x21-\x7e]{0,256}$/);
        expect(tracestate).to.match(/^[\t\x20-\x7e]{0,512}$/);
      }),
    );
  });
});

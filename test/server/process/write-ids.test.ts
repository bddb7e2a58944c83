import { expect } from 'chai';
import {
  MAX_WRITE_ID_BYTES,
  MAX_WRITE_IDS,
  WRITE_ID_OVERHEAD_BYTES,
} from '../../../src/server/process/limits.ts';
import { WriteIds } from '../../../src/server/process/write-ids.ts';

describe('WriteIds', () => {
  it('remembers a limited number for each process', () => {
    const writeIds = new WriteIds();
    const [one, other] = [writeIds.forProcess(), writeIds.forProcess()];
    for (let id = 0; id <= MAX_WRITE_IDS; id += 1) writeIds.remember(one, String(id));
    writeIds.remember(other, '0');
    expect([one.has('0'), one.has('1'), other.has('0')]).to.deep.equal([false, true, true]);
  });

  it('forgets the oldest of all processes if they take too much memory', () => {
    const writeIds = new WriteIds();
    const [one, other] = [writeIds.forProcess(), writeIds.forProcess()];
    writeIds.remember(one, 'first');
    const long = 'x'.repeat(4000);
    const fit = Math.floor(MAX_WRITE_ID_BYTES / (WRITE_ID_OVERHEAD_BYTES + 2 * (long.length + 4)));
    for (let id = 0; id < fit - 1; id += 1) writeIds.remember(other, long + String(id).padStart(4, '0'));
    expect(one.has('first')).to.equal(true);
    for (let id = 0; id < 2; id += 1) writeIds.remember(other, `${long}${id}___`);
    expect([one.has('first'), other.size]).to.deep.equal([false, fit]);
  });
});

import { expect } from 'chai';
import { type Cell, createCell, jailMissing } from './jail.ts';
import { run } from './runner.ts';
import { FRAMINGS } from './script.ts';
import { scriptOf } from './scripts.ts';

/** Fixed seeds, so that every run sends the same; `npm run fuzz` takes others. */
const SEEDS = [1, 2, 3];

describe('a server that is sent random messages', () => {
  let cell: Cell;

  before(function () {
    const reason = jailMissing();
    if (reason !== undefined) {
      if (process.env.CI && process.platform === 'linux') throw new Error(reason);
      process.stderr.write(`      skipped: ${reason}\n`);
      this.skip();
    }
    cell = createCell();
  });

  after(() => cell?.clear());

  for (const framing of FRAMINGS) {
    it(`answers, ends and leaves nothing (${framing})`, async () => {
      for (const seed of SEEDS) {
        const { findings } = await run(scriptOf(seed, framing), cell);
        // A stall counts only when it is repeated, which `npm run fuzz` does.
        expect({ seed, findings: findings.filter(({ kind }) => kind !== 'stall') }).to.deep.equal({
          seed,
          findings: [],
        });
      }
    });
  }
});

import { expect } from 'chai';
import { skipUnavailable } from '../support/skip-unavailable.ts';
import { copyProgram, jailUnavailable, type ProgramCopy } from './jail.ts';
import { run } from './runner.ts';
import { FRAMINGS } from './script.ts';
import { scriptOf } from './scripts.ts';

/** Fixed seeds, so that every run sends the same messages; `npm run fuzz` chooses others. */
const SEEDS = [1, 2, 3];

describe('a server that receives random messages', () => {
  let program: ProgramCopy;

  before(function () {
    if (process.platform !== 'linux') this.skip();
    const reason = jailUnavailable();
    if (reason !== undefined) skipUnavailable(this, reason);
    program = copyProgram();
  });

  after(() => program?.remove());

  for (const framing of FRAMINGS) {
    it(`answers every request, exits and leaves nothing (${framing})`, async () => {
      for (const seed of SEEDS) {
        const { findings } = await run(scriptOf(seed, framing), program);
        // A stall counts only if it is repeatable, which `npm run fuzz` checks.
        expect({ seed, findings: findings.filter(({ kind }) => kind !== 'stall') }).to.deep.equal({
          seed,
          findings: [],
        });
      }
    });
  }
});

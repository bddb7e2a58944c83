import { sshdUnavailable } from './programs.ts';

/**
 * A mocha suite that needs `startSshd`. Where sshd can't run, `body` is not called: with CI set in the environment
 * the suite has one failing test that gives the reason, otherwise one pending test and a line on stderr.
 * On Windows it is always pending: nothing that CI could install would help.
 */
export const describeWithSshd = (title: string, body: () => void): void => {
  const reason = sshdUnavailable();
  if (reason === undefined) {
    describe(title, body);
  } else if (process.env.CI && process.platform !== 'win32') {
    describe(title, () => {
      it('has an sshd to run against', () => {
        throw new Error(`sshd can't run here: ${reason}`);
      });
    });
  } else {
    process.stderr.write(`!!! SKIPPED, sshd can't run here: ${title}: ${reason}\n`);
    describe(title, () => {
      it.skip(`needs sshd: ${reason}`);
    });
  }
};

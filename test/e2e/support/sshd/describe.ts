import { sshdUnavailable } from './programs.ts';

/**
 * Declares a mocha suite that needs `startSshd`. If sshd cannot run, `body` is not called: with CI set in the
 * environment the suite has one test that fails with the reason, otherwise one pending test and a line on stderr.
 * On Windows it is always pending, because CI could install nothing that helps.
 */
export const describeWithSshd = (title: string, body: () => void): void => {
  const reason = sshdUnavailable();
  if (reason === undefined) {
    describe(title, body);
  } else if (process.env.CI && process.platform !== 'win32') {
    describe(title, () => {
      it('has an sshd to run against', () => {
        throw new Error(`sshd cannot run on this machine: ${reason}`);
      });
    });
  } else {
    process.stderr.write(`!!! SKIPPED, sshd cannot run on this machine: ${title}: ${reason}\n`);
    describe(title, () => {
      it.skip(`needs sshd: ${reason}`);
    });
  }
};

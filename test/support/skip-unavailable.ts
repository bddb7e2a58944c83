/**
 * Skips the running test, or all tests of the running hook, with a line on stderr that has the reason. On CI it throws
 * instead, except on Windows, where CI could install nothing that helps.
 */
export const skipUnavailable = (test: Mocha.Context, reason: string): never => {
  if (process.env.CI && process.platform !== 'win32') throw new Error(reason);
  process.stderr.write(`      skipped: ${reason}\n`);
  return test.skip();
};

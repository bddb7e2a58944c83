/** EX_CONFIG of sysexits.h. */
const WRONG_CONFIGURATION = 78;

/** Ends this process with a message, because it cannot work in its surroundings. */
export const refuseToRun = (reason: string): never => {
  process.stderr.write(`exec-server: ${reason}\n`);
  process.exit(WRONG_CONFIGURATION);
};

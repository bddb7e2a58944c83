// What Node only warns of, and a rejection that nobody handles, is a defect of the test that runs: thrown
// from here, mocha takes it for an uncaught exception and fails that test, or the run between two tests.
process.on('warning', warning => {
  throw warning;
});

process.on('unhandledRejection', reason => {
  throw reason instanceof Error ? reason : new Error(`unhandled rejection: ${String(reason)}`);
});

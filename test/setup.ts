// A warning of Node and an unhandled rejection are failures: thrown from here, mocha reports each as an uncaught
// exception of the test that is running, or of the run when no test is.
process.on('warning', warning => {
  throw warning;
});

process.on('unhandledRejection', reason => {
  throw reason instanceof Error ? reason : new Error(`unhandled rejection: ${String(reason)}`);
});

// The program. A server is started far more often than anything else and by machines that wait for it, so
// nothing but the server is loaded for it, and it is a file that works alone; the rest is a file beside it.
const args = process.argv.slice(2);
const asServer = args.join(' ') === '--stdio' || args.join(' ') === '--listen stdio';

if (asServer) void import('./server/stdio.ts').then(({ runStdioServer }) => runStdioServer());
else {
  import('./cli/main.ts').then(
    ({ runCli }) => runCli(args),
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
      process.stderr.write(
        'exec-server: this is the server alone: it takes --stdio; other commands need exec-server-cli.cjs beside it\n',
      );
      process.exit(2);
    },
  );
}

// The program. A server is started far more often than anything else and by machines that wait for it, so
// nothing but the server is loaded for it.
const args = process.argv.slice(2);
const asServer = args.join(' ') === '--stdio' || args.join(' ') === '--listen stdio';

if (asServer) void import('./server/stdio.ts').then(({ runStdioServer }) => runStdioServer());
else void import('./cli/main.ts').then(({ runCli }) => runCli(args));

// The program. A server is started far more often than anything else and by machines that wait for it, so
// nothing but the server is loaded for it, and it is a file that works alone; the rest is a file beside it.

import { serverArgs } from '../server/server-args.ts';
import { sharedCodeDirectory } from '../system/installed-package.ts';

const refuse = (reason: string): never => {
  process.stderr.write(`exec-server: this is the server alone: it takes --stdio; ${reason}\n`);
  process.exit(2);
};

const args = process.argv.slice(2);

if (serverArgs(args) !== undefined) void import('./stdio.ts').then(({ runStdioServer }) => runStdioServer());
else {
  const shared = sharedCodeDirectory();
  if (shared !== undefined)
    refuse(`other users can write to ${shared}, so no other code is loaded from there`);
  import('../cli/main.ts').then(
    ({ runCli }) => runCli(args),
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
      refuse('other commands need exec-server-cli.cjs beside it');
    },
  );
}

// The program. Most starts are servers, whose clients wait for them: a server loads nothing but its own code, which is in
// one file that works alone. Other commands are in a second file in the same directory.

import { serverArgs } from '../protocol/server-args.ts';
import { sharedCodeDirectory } from '../system/installed-package.ts';

const refuse = (reason: string): never => {
  process.stderr.write(`exec-server: this standalone server only supports --stdio: ${reason}\n`);
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
      refuse('other commands need exec-server-cli.cjs in the same directory');
    },
  );
}

import { hostScript } from '../../core/bootstrap/packaged-files.ts';
import { LOCAL_EXIT_CODES } from '../exit-codes.ts';
import { printResult } from '../output.ts';
import { addReference } from '../reference.ts';
import type { AddCommand } from './command.ts';

/** Adds `bootstrap-script`. */
export const addBootstrapScript: AddCommand = (program, finish) => {
  const command = program
    .command('bootstrap-script')
    .description('Print the script that installs and starts the server on a host.')
    .action(async () => {
      printResult(await hostScript());
      finish(0);
    });
  addReference(command, {
    synopsis: [''],
    description: [
      'Prints the POSIX sh script that run, env and doctor execute on a host, with its comments. It is described in ' +
        'docs/bootstrap.md.',
    ],
    exitCodes: LOCAL_EXIT_CODES,
    examples: [{ command: 'exec-server bootstrap-script | less', text: 'Read what is done on a host' }],
  });
};

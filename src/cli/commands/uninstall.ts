import type { Command } from 'commander';
import { ConnectionLostError, uninstallFromHost } from '../../core/index.ts';
import { CONNECTION_FAILED, LOCAL_EXIT_CODES } from '../exit-codes.ts';
import { printMessage, printResult } from '../output.ts';
import { addReference } from '../reference.ts';
import { addServerOptions, type ServerOptions, targetOf } from '../server-options.ts';
import type { AddCommand } from './command.ts';

/** Adds `uninstall`. */
export const addUninstall: AddCommand = (program, finish) => {
  const command = program
    .command('uninstall')
    .description('Remove what this program has installed on a host.')
    .action(async (options: ServerOptions, command: Command) => {
      const target = targetOf(command, options);
      if (target.shell === undefined)
        command.error('error: expected a host on which servers are installed, such as --ssh <host>');
      try {
        const removed = await uninstallFromHost(target);
        printResult(removed.map(path => `removed ${path}\n`).join(''));
        if (removed.length === 0) printMessage(`nothing is installed on ${target.label}`);
        finish(0);
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throw error;
        printMessage(error.message);
        finish(CONNECTION_FAILED);
      }
    });
  addServerOptions(command);
  addReference(command, {
    synopsis: ['[options]'],
    description: [
      'Removes the directory of exec-server on a host: servers of all versions, and the Node that was sent there. It is ' +
        'refused while a server of that directory is running.',
    ],
    exitCodes: [...LOCAL_EXIT_CODES, [CONNECTION_FAILED, 'the connection failed, or a server is running']],
    examples: [{ command: 'exec-server uninstall --ssh devbox', text: 'Remove everything from a host' }],
  });
};

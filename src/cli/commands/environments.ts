import type { Command } from 'commander';
import { withConfigErrors } from '../config-files.ts';
import { listEnvironments } from '../environments.ts';
import { LOCAL_EXIT_CODES } from '../exit-codes.ts';
import { addReference } from '../reference.ts';
import { ENVIRONMENTS_FILE } from '../server-options.ts';
import type { AddCommand } from './command.ts';

/** Adds `environments`. */
export const addEnvironments: AddCommand = program => {
  const command = program
    .command('environments')
    .description('List the environments of environments.toml, with their problems.')
    .option(...ENVIRONMENTS_FILE)
    .option('--json', 'print one line of JSON')
    .action((options: { environmentsFile?: string; json?: true }, command: Command) =>
      withConfigErrors(command, () => listEnvironments(options.environmentsFile, options.json ?? false)),
    );
  addReference(command, {
    synopsis: ['[options]'],
    description: [],
    exitCodes: LOCAL_EXIT_CODES,
    examples: [
      { command: 'exec-server environments', text: 'List the environments for --environment' },
      {
        command: 'exec-server environments --environments-file ./environments.toml --json',
        text: 'List those of another file, as JSON',
      },
    ],
  });
};

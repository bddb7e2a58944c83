import { schemaText } from '../../protocol/json-schema.ts';
import { LOCAL_EXIT_CODES } from '../exit-codes.ts';
import { print } from '../output.ts';
import { addReference } from '../reference.ts';
import type { AddCommand } from './command.ts';

/** Adds `schema`. */
export const addSchema: AddCommand = program => {
  const command = program
    .command('schema')
    .description('Print the JSON Schema of the protocol.')
    .action(() => print(schemaText()));
  addReference(command, {
    synopsis: ['[options]'],
    description: [
      'The JSON Schema (draft 2020-12) has every message and every error by name, for generators of code. docs/schema.json ' +
        'is the same text.',
    ],
    exitCodes: LOCAL_EXIT_CODES,
    examples: [{ command: 'exec-server schema >schema.json', text: 'Write the schema to a file' }],
  });
};

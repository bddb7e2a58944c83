import { type Command, Option } from 'commander';
import { printEnv } from '../env.ts';
import { CLIENT_EXIT_CODES } from '../exit-codes.ts';
import { explainEnv } from '../explain.ts';
import { addProcessOptions, type ProcessOptions, processEnv } from '../process-options.ts';
import { addReference } from '../reference.ts';
import { targetOf } from '../server-options.ts';
import type { AddCommand } from './command.ts';

type EnvCliOptions = ProcessOptions & {
  readonly null?: true;
  readonly explain?: true;
  readonly json?: true;
};

/** Adds `env`. */
export const addEnv: AddCommand = (program, finish) => {
  const command = program
    .command('env')
    .description('Print the environment variables that a process gets, or explain them.')
    .argument('[name...]', 'with --explain: variables to explain (default: all)')
    .option('-0, --null', 'end each variable with NUL instead of a line feed')
    .addOption(
      new Option(
        '--explain',
        'print if each variable is kept, removed or set, and by which rule; never a value',
      ).conflicts('null'),
    )
    .option('--json', 'with --explain: print one line of JSON')
    .action(async (names: string[], options: EnvCliOptions, command: Command) => {
      const { env, filePolicy } = processEnv(command, options);
      const shared = {
        target: targetOf(command, options),
        quiet: options.quiet ?? false,
        connectTimeoutMs: options.connectTimeout,
        env,
      };
      if (options.explain) {
        finish(await explainEnv({ ...shared, filePolicy, names, json: options.json ?? false }));
        return;
      }
      if (names.length > 0) command.error(`error: argument '${names[0]}' requires '--explain'`);
      if (options.json) command.error("error: option '--json' requires '--explain'");
      finish(await printEnv({ ...shared, cwd: options.cwd, nulTerminated: options.null ?? false }));
    });
  addProcessOptions(command);
  addReference(command, {
    synopsis: ['[options]', '[options] --explain [name...]'],
    description: [],
    exitCodes: CLIENT_EXIT_CODES,
    examples: [
      {
        command: 'exec-server env --ssh devbox',
        text: 'Print the variables of a process on another host',
      },
      {
        command: 'exec-server env --ssh devbox --base login --explain PATH NPM_TOKEN',
        text: 'Explain two variables, without their values',
      },
    ],
  });
};

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { ownPackageRoot } from '../../system/installed-package.ts';
import { complete } from '../completion/complete.ts';
import { LOCAL_EXIT_CODES } from '../exit-codes.ts';
import { printResult } from '../output.ts';
import { addReference } from '../reference.ts';
import type { AddCommand } from './command.ts';

/** Script of each shell, in the directory `completions` of the package. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: 'exec-server.bash',
  zsh: '_exec-server',
  fish: 'exec-server.fish',
};

/** Adds `completion`, and the hidden command that its scripts call. */
export const addCompletion: AddCommand = program => {
  const command = program
    .command('completion')
    .description('Print a script that completes command lines of exec-server in a shell.')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(Object.keys(SCRIPTS)))
    .action((shell: string, _: object, command: Command) => printResult(readScript(command, shell)));
  addReference(command, {
    synopsis: ['<shell>'],
    description: [
      'Commands, options and their values are completed: host names of the ssh configuration and of known_hosts, ' +
        'environments, variables, files, and the command that run starts. The script runs the exec-server of the PATH.',
    ],
    exitCodes: LOCAL_EXIT_CODES,
    examples: [
      {
        command: 'exec-server completion bash > ~/.local/share/bash-completion/completions/exec-server',
        text: 'Install it for bash with the package bash-completion',
      },
      { command: 'eval "$(exec-server completion bash)"', text: 'Install it in ~/.bashrc' },
      {
        command: 'exec-server completion zsh > ~/.zfunc/_exec-server',
        text: 'Install it for zsh, in a directory of fpath',
      },
      {
        command: 'exec-server completion fish > ~/.config/fish/completions/exec-server.fish',
        text: 'Install it for fish',
      },
    ],
  });
  program
    .command('__complete', { hidden: true })
    .description('Print the completions of the last word, for the scripts.')
    .argument('[words...]')
    .action((words: string[]) => printResult(answer(complete(program, words))));
};

const readScript = (command: Command, shell: string): string => {
  const root = ownPackageRoot();
  try {
    if (root !== undefined) return readFileSync(join(root, 'completions', SCRIPTS[shell] ?? ''), 'utf8');
  } catch {
    // Reported below.
  }
  return command.error(
    'error: the scripts are not installed; they are in the directory completions of the package',
  );
};

/** Lines for the scripts: what the shell adds itself, then each value, a tab and its description. */
const answer = ({ values, paths, commandAt }: ReturnType<typeof complete>): string => {
  const first = commandAt === undefined ? (paths ?? 'none') : `command ${commandAt}`;
  const lines = values.map(({ word, description = '' }) => `${word}\t${description}`);
  return [first, ...lines].map(line => `${line}\n`).join('');
};

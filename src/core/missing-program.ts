import type { TransportEnd } from './transport.ts';

/**
 * Returns the program that a shell, env(1) or a container runtime did not find, from its message; `undefined` if there is
 * no such message. The last one counts: start-up files may also have failed.
 */
export const missingProgram = ({ exitCode, stderr }: Pick<TransportEnd, 'exitCode' | 'stderr'>) => {
  const messages = exitCode === NOT_FOUND ? [...NAMED, ...NO_SUCH_FILE] : NAMED;
  return stderr
    .toReversed()
    .flatMap(line => messages.map(message => message.exec(line)?.[1]))
    .find(name => name !== undefined);
};

const NOT_FOUND = 127;

const NAMED = [
  // zsh
  /command not found: (.+)$/,
  // fish
  /\bunknown command[:.]? '?([^']+?)'?$/i,
  // docker, podman, kubectl
  /\bexec: "([^"]+)": (?:executable file not found|stat )/,
  // Other shells
  /(?:^|: )([^:]+): (?:command )?not found\.?$/i,
];

// Start-up files and ssh have other files that may be missing; only the exit code shows that it was the command.
const NO_SUCH_FILE = [
  // zsh
  /no such file or directory: (.+)$/,
  // Other shells and env(1)
  /['‘ ]([^\s'‘’:]+)['’]?: No such file or directory$/,
];

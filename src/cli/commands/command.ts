import type { Command } from 'commander';

/** Takes the exit code of a command. */
export type Finish = (exitCode: number) => void;

/** Adds a command to the program. */
export type AddCommand = (program: Command, finish: Finish) => void;

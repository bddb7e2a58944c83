import type { Command } from 'commander';
import { doctor } from '../doctor/doctor.ts';
import { parseDuration } from '../duration.ts';
import { DOCTOR_EXIT_CODES } from '../exit-codes.ts';
import { addReference } from '../reference.ts';
import { addServerOptions, type ServerOptions, targetOf } from '../server-options.ts';
import type { AddCommand } from './command.ts';

type DoctorCliOptions = ServerOptions & { readonly timeout?: number; readonly json?: true };

/** Adds `doctor`. */
export const addDoctor: AddCommand = (program, finish) => {
  const command = program
    .command('doctor')
    .description('Diagnose the connection to a server and the environment variables of its processes.')
    .option('--timeout <duration>', 'maximum duration of each check (default: 30s)', parseDuration)
    .option('--json', 'print one line of JSON')
    .action(async (options: DoctorCliOptions, command: Command) => {
      const target = targetOf(command, options);
      finish(
        await doctor({
          target,
          configured: options.environment !== undefined && target.location === 'remote',
          checkTimeoutMs: options.timeout,
          json: options.json ?? false,
        }),
      );
    });
  addServerOptions(command);
  addReference(command, {
    synopsis: ['[options]'],
    description: [],
    exitCodes: DOCTOR_EXIT_CODES,
    examples: [
      { command: 'exec-server doctor', text: 'Check the server on this machine' },
      { command: 'exec-server doctor --ssh devbox', text: 'Check the server on another host' },
    ],
  });
};

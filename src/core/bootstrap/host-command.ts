import { randomBytes } from 'node:crypto';
import { quoteArgv } from '../quote-argv.ts';
import type { Target } from '../target.ts';
import { hostScript, packagedServer } from './packaged-files.ts';

/** The command that a host runs: it reads a script from stdin and executes it. */
export type HostCommand = {
  readonly script: Buffer;
  readonly argv: readonly [string, ...string[]];
  readonly nonce: string;
};

/** The work of the script on a host: `report` lists what is installed. */
export type HostMode = 'start' | 'report' | 'uninstall';

/** Composes the command for a host. */
export const hostCommand = async (mode: HostMode = 'start'): Promise<HostCommand> => {
  const nonce = randomBytes(8).toString('hex');
  const { name } = await packagedServer();
  const variables = `es_mode=${mode} es_nonce=${nonce} es_version=${name}\n`;
  const script = Buffer.from(variables + withoutComments(await hostScript()));
  // No character of it is changed by the quotes of any login shell. POSIX has no head -c; dd is slower.
  const length = script.length;
  const read = `es=$(head -c ${length} 2>/dev/null) || es=$(dd bs=1 count=${length} 2>/dev/null)`;
  return { script, argv: ['sh', '-c', `${read}; eval "$es"`], nonce };
};

/** Returns the target whose program runs a command on the host. */
export const withCommand = ({ shell, argv, ...target }: Target, command: HostCommand): Target => ({
  ...target,
  argv: [...argv, ...(shell === 'line' ? [quoteArgv(command.argv)] : command.argv)],
});

const withoutComments = (script: string): string =>
  script
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .join('\n');

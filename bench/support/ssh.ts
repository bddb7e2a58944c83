import { quoteArgv } from '../../src/core/quote-argv.ts';
import { type Sshd, sshdUnavailable, startSshd } from '../../test/e2e/support/sshd.ts';
import type { Setting } from './question.ts';

export type Ssh = {
  readonly sshd: Sshd;
  /** What makes `scp` find it. */
  readonly scpOptions: readonly string[];
  /** How to run a program on the host. */
  argv(command: readonly string[]): [string, ...string[]];
  stop(): Promise<void>;
};

/** An sshd of our own on this machine, or `undefined` where there can't be one, which is noted. */
export const openSsh = async (setting: Setting): Promise<Ssh | undefined> => {
  const reason = sshdUnavailable();
  if (reason !== undefined) {
    setting.note(`over ssh: not measured, ${reason}`);
    return undefined;
  }
  const sshd = await startSshd({ remotePath: process.env.PATH ?? '/usr/bin:/bin' });
  return {
    sshd,
    scpOptions: sshd.sshCommand.slice(1),
    argv: command => [
      ...(sshd.sshCommand as [string, ...string[]]),
      '-T',
      '--',
      sshd.host,
      quoteArgv(command as [string, ...string[]]),
    ],
    stop: () => sshd.stop(),
  };
};

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { programPath } from './program.ts';
import { type Sshd, startSshd } from './sshd.ts';

/** An ssh host on which an account can have any shell and any home directory. */
export type ShellHost = {
  readonly sshd: Sshd;
  /** PATH of sessions on the host; `exec-server` is in its first directory. */
  readonly path: string;
  /** A copy of `exec-server` outside of that PATH, with a path that needs quoting. */
  readonly oddProgram: string;
  /** The environment of a client whose account on the host has this shell and these start-up files. */
  account(shell: string, files?: Readonly<Record<string, string>>): NodeJS.ProcessEnv;
  stop(): Promise<void>;
};

// Does what sshd does for an account with this shell and home. Bash reads .bashrc when SSH_CLIENT and the absence
// of SHLVL show that sshd started it.
const FORCED = `#!/bin/sh
shell=$EXEC_TEST_SHELL command=$SSH_ORIGINAL_COMMAND
HOME=$EXEC_TEST_HOME SHELL=$shell
export HOME SHELL
unset EXEC_TEST_SHELL EXEC_TEST_HOME SSH_ORIGINAL_COMMAND SHLVL PWD OLDPWD _
cd "$HOME" || exit 1
exec "$shell" -c "$command"
`;

export const startShellHost = async (): Promise<ShellHost> => {
  const directory = mkdtempSync(join(tmpdir(), 'exec-server-shells-'));
  const program = (path: string, text: string): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  };
  const server = `#!/bin/sh\nexec '${process.execPath}' '${programPath}' "$@"\n`;
  const bin = dirname(program(join(directory, 'bin', 'exec-server'), server));
  const oddProgram = program(join(directory, `it's $HOME "odd" \\ !x *`, 'exec server'), server);
  const forced = program(join(directory, 'forced'), FORCED);
  const path = [bin, '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
  const sshd = await startSshd({ remotePath: path, forceCommand: forced });
  return {
    sshd,
    path,
    oddProgram,
    account: (shell, files = {}) => {
      const home = mkdtempSync(join(directory, 'home-'));
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(home, name)), { recursive: true });
        writeFileSync(join(home, name), text);
      }
      return {
        ...process.env,
        PATH: [sshd.clientBin, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
        EXEC_TEST_SHELL: shell,
        EXEC_TEST_HOME: home,
      };
    },
    stop: async () => {
      await sshd.stop();
      rmSync(directory, { recursive: true });
    },
  };
};

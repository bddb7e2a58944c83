import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type ConnectOptions, connect, type ExecClient, sshServer } from '../../../src/core/index.ts';
import { startSshd } from './sshd.ts';

/** An account on a host without exec-server. */
export type BareAccount = {
  readonly home: string;
  /** The environment of a client that reaches the account as `devbox`. */
  readonly env: NodeJS.ProcessEnv;
  /** Connects to it, and installs what it lacks. */
  connect(options?: ConnectOptions): Promise<ExecClient>;
};

export type BareAccountOptions = {
  /** Default: `/bin/sh`. */
  readonly shell?: string;
  /** Added to the name of its home directory. */
  readonly homeName?: string;
  /** Start-up files by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Directories in front of PATH. */
  readonly path?: readonly string[];
  /** Commands of root that change what the account sees, in a mount namespace of its own; `$HOME` is its home. */
  readonly mounts?: string;
};

/** An ssh host without Node and exec-server. */
export type BareHost = {
  account(options?: BareAccountOptions): BareAccount;
  stop(): Promise<void>;
};

/** Directory of what clients send, kept between test runs. */
export const CLIENT_CACHE = join(import.meta.dirname, '../../../node_modules/.cache/exec-server-client');
// A client would make the parent private, and accounts without privileges run the versions of Node in it.
mkdirSync(dirname(CLIENT_CACHE), { recursive: true });

/** Every Node of this machine in a directory of a usual PATH. */
const INSTALLED_NODES = ['/usr/local/bin/node', '/usr/bin/node', '/opt/homebrew/bin/node'].filter(existsSync);

// Does what sshd does for an account with this shell and home, in a mount namespace.
const FORCED = `#!/bin/sh
export HOME="$EXEC_TEST_HOME" SHELL="$EXEC_TEST_SHELL" PATH="$EXEC_TEST_PATH" TMPDIR="$EXEC_TEST_TMPDIR"
command=$SSH_ORIGINAL_COMMAND mounts=$EXEC_TEST_MOUNTS
unset EXEC_TEST_SHELL EXEC_TEST_HOME EXEC_TEST_PATH EXEC_TEST_TMPDIR EXEC_TEST_MOUNTS SSH_ORIGINAL_COMMAND SHLVL PWD OLDPWD _
if [ "$(id -u)" = 0 ]; then user=; else user='--user --map-root-user'; fi
enter='set -e
${INSTALLED_NODES.map(node => `mount --bind /dev/null ${node}`).join('\n')}
eval "$1"
cd "$HOME"
exec "$SHELL" -c "$2"'
exec /usr/bin/unshare $user --mount /bin/sh -c "$enter" sh "$mounts" "$command"
`;

export const startBareHost = async (): Promise<BareHost> => {
  const directory = mkdtempSync(join(tmpdir(), 'exec-server-bare-'));
  const forced = join(directory, 'forced');
  writeFileSync(forced, FORCED);
  chmodSync(forced, 0o755);
  const sshd = await startSshd({ remotePath: '/usr/bin:/bin', forceCommand: forced });
  return {
    account: ({ shell = '/bin/sh', homeName = '', files = {}, path = [], mounts = '' } = {}) => {
      const base = mkdtempSync(join(directory, 'account-'));
      const home = join(base, `home${homeName}`);
      // Of its own: the next installation is there if the home directory cannot be used.
      const temporary = join(base, 'tmp');
      for (const made of [home, temporary]) mkdirSync(made);
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(home, name)), { recursive: true });
        writeFileSync(join(home, name), text);
      }
      const env = {
        ...process.env,
        PATH: [sshd.clientBin, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
        EXEC_TEST_SHELL: shell,
        EXEC_TEST_HOME: home,
        EXEC_TEST_PATH: [...path, '/usr/bin', '/bin'].join(delimiter),
        EXEC_TEST_TMPDIR: temporary,
        EXEC_TEST_MOUNTS: mounts,
      };
      return {
        home,
        env,
        connect: ({ bootstrap, ...options } = {}) =>
          connect(sshServer('devbox'), {
            localEnv: env,
            bootstrap: { cacheDirectory: CLIENT_CACHE, ...bootstrap },
            ...options,
          }),
      };
    },
    stop: async () => {
      await sshd.stop();
      rmSync(directory, { recursive: true });
    },
  };
};

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { sshServer, type Target } from '../../../src/core/index.ts';
import { programPath } from './program.ts';
import { type Sshd, startSshd } from './sshd.ts';

/** An ssh host with `exec-server` in its PATH, and the environment of a client on a different machine. */
export type RemoteHost = {
  readonly sshd: Sshd;
  /** The server in the PATH of the host. */
  readonly target: Target;
  /** PATH of sessions on the host. */
  readonly path: string;
  /** The environment of the client: another HOME, another PATH, a secret. */
  readonly coreEnv: NodeJS.ProcessEnv;
  /** All bytes that servers on the host have received. */
  received(): Buffer;
  stop(): Promise<void>;
};

/** Values of the client's machine that must never be sent to the host. */
export const CORE_ONLY = {
  HOME: '/home/on-the-machine-of-core',
  PATH: '/bin-on-the-machine-of-core',
  FAKE_API_KEY: 'sk-planted-on-the-machine-of-core',
} as const;

export const startRemoteHost = async (): Promise<RemoteHost> => {
  const directory = mkdtempSync(join(tmpdir(), 'exec-server-host-'));
  const record = join(directory, 'received');
  const path = [directory, '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
  writeFileSync(record, '');
  // All input over ssh goes through tee, so that the record has the bytes that were really sent. tee writes to its
  // stdout first, so the record is its stdout: by the time of a response it has the request.
  const script = `#!/bin/sh\ntee -a /dev/fd/3 3>&1 >>'${record}' | exec '${process.execPath}' '${programPath}' "$@"\n`;
  writeFileSync(join(directory, 'exec-server'), script);
  chmodSync(join(directory, 'exec-server'), 0o755);
  const sshd = await startSshd({ remotePath: path });
  return {
    sshd,
    target: sshServer('devbox', 'exec-server --stdio'),
    path,
    coreEnv: {
      ...process.env,
      ...CORE_ONLY,
      PATH: [sshd.clientBin, CORE_ONLY.PATH, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
    },
    received: () => readFileSync(record),
    stop: async () => {
      await sshd.stop();
      rmSync(directory, { recursive: true });
    },
  };
};

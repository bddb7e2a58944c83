import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { programPath } from './program.ts';
import { type Sshd, startSshd } from './sshd.ts';

/** A host to reach over ssh, with an `exec-server` in its PATH, and the very different machine that Core is on. */
export type RemoteHost = {
  readonly sshd: Sshd;
  /** PATH of sessions on the host. */
  readonly path: string;
  /** Core's environment: another HOME, another PATH, a secret. */
  readonly coreEnv: NodeJS.ProcessEnv;
  /** Every byte that any server on the host was sent. */
  received(): Buffer;
  stop(): Promise<void>;
};

/** Values that only Core's machine has; none of them may ever travel. */
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
  // Everything that comes in over ssh goes through tee, so that the record holds what was really sent. It writes to its
  // stdout first, so that is the record: whoever has an answer finds there what was asked.
  const script = `#!/bin/sh\ntee -a /dev/fd/3 3>&1 >>'${record}' | exec '${process.execPath}' '${programPath}' "$@"\n`;
  writeFileSync(join(directory, 'exec-server'), script);
  chmodSync(join(directory, 'exec-server'), 0o755);
  const sshd = await startSshd({ remotePath: path });
  return {
    sshd,
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

import type { ResultIn } from '../../protocol/define.ts';
import type { Requests } from '../../protocol/messages.ts';
import { fileUri } from '../../protocol/native-path.ts';
import { version } from '../../protocol/version.ts';
import { ptyUnavailable } from '../process/pty/pty-binding.ts';
import { canReadConfig } from './environment-config.ts';
import type { Host } from './host.ts';

/** Describes the environment of processes: host, account, directories, capabilities. */
export const describeHost = (host: Host, sandbox: boolean): ResultIn<Requests['environment/info']> => {
  const uri = (path: string) => fileUri(path, host.platform);
  return {
    shell: host.shell,
    executorVersion: version,
    providerId: `exec-server/${version}`,
    cwd: uri(host.cwd),
    userHomeDir: uri(host.homeDir),
    platformOs: platformOs(host.platform),
    tempDir: uri(host.tempDir),
    temporaryDirectories: [uri(host.tempDir)],
    prependPathDirs: [],
    capabilities: {
      tty: ptyUnavailable() === undefined,
      sandbox,
      watchdog: host.platform !== 'win32',
      secretValues: true,
      environmentConfigRead: canReadConfig(),
      fsWatchMissing: true,
      fileWriteStreaming: true,
      fileWriteAtomic: true,
      sandboxedFileStreaming: sandbox,
      httpHeaderEnvVars: true,
      // Elsewhere a descriptor under /dev/fd has one position for all processes.
      shellSnapshotV2: host.platform === 'linux',
    },
  };
};

const platformOs = (platform: NodeJS.Platform): string => {
  if (platform === 'win32') return 'windows';
  return platform === 'darwin' ? 'macos' : platform;
};

import type { ResultIn } from '../../protocol/define.ts';
import type { Requests } from '../../protocol/messages.ts';
import { PROTOCOL_VERSIONS } from '../../protocol/version.ts';
import type { AnnouncedLimits } from '../announced-limits.ts';
import { describeHost } from '../environment/environment-info.ts';
import type { Host } from '../environment/host.ts';
import { ptyUnavailable } from '../process/pty/pty-binding.ts';

/** Builds the answer to `initialize`. */
export const initializeResult = (
  sessionId: string,
  host: Host,
  found: {
    readonly limits: AnnouncedLimits;
    readonly binaryFrames: boolean;
    readonly sandboxUnavailable: string | undefined;
  },
): ResultIn<Requests['initialize']> => ({
  sessionId,
  protocol: PROTOCOL_VERSIONS,
  environmentInfo: describeHost(host, found.sandboxUnavailable === undefined),
  ttyUnavailable: ptyUnavailable(),
  ...found,
});

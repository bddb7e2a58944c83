import type { ExecClient } from '../../core/index.ts';
import { wrap } from '../layout.ts';
import type { CheckResult } from './finding.ts';

/** Shell of the account, as announced by the server, or the one that replaces it. */
export const shellOf = ({ info: { shell } }: Pick<ExecClient, 'info'>): CheckResult => {
  const { name, path, insteadOf } = shell;
  const message = path === name ? path : `${name}, ${path}`;
  const data = { ...shell };
  if (!insteadOf) return { level: 'ok', message, data };
  return {
    level: 'note',
    message,
    details: [`used because the account's shell ${insteadOf.path} ${insteadOf.reason}`],
    data,
  };
};

export const survivorsOf = ({ info: { capabilities } }: Pick<ExecClient, 'info'>): CheckResult => {
  const { watchdog } = capabilities;
  if (watchdog === undefined) {
    return { level: 'note', message: 'the server does not announce whether it has a watchdog' };
  }
  return watchdog
    ? { level: 'ok', message: 'processes end with the connection, and if the server is killed' }
    : {
        level: 'warning',
        message: 'processes end with the connection, but not if the server is killed: it has no watchdog',
        advice: 'after a crash of the server, check for processes that are still running',
      };
};

export const sandboxOf = ({
  info: { capabilities },
  sandboxUnavailable,
}: Pick<ExecClient, 'info' | 'sandboxUnavailable'>): CheckResult =>
  capabilities.sandbox
    ? { level: 'ok', message: 'available' }
    : {
        level: 'note',
        message: 'not available: requests with a sandbox are refused',
        details: sandboxUnavailable === undefined ? [] : [sandboxUnavailable],
        advice: 'to restrict processes, run the server in a container or as another user',
        data: { unavailable: sandboxUnavailable },
      };

export const limitsOf = ({ limits }: Pick<ExecClient, 'limits'>): CheckResult => {
  const parts = Object.entries(limits).map(([name, limit]) => `${name} ${inUnits(name, limit)}`);
  const [message = 'the server announces none', ...details] = wrap(parts, ', ', LIMITS_WIDTH);
  return { level: 'note', message, details, data: { ...limits } };
};

const LIMITS_WIDTH = 80;
const MIB = 1024 * 1024;

const inUnits = (name: string, limit: number): string => {
  if (name.endsWith('Ms')) return `${limit / 1000} s`;
  if (!name.endsWith('Bytes')) return String(limit);
  return limit >= MIB ? `${Math.round(limit / MIB)} MiB` : `${Math.round(limit / 1024)} KiB`;
};

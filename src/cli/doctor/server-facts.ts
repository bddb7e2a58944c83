import type { ExecClient } from '../../core/index.ts';
import { wrap } from '../layout.ts';
import type { Finding } from './finding.ts';

/** Shell of the account, as announced by the server. */
export const shellOf = ({ info: { shell } }: Pick<ExecClient, 'info'>): Finding => ({
  check: 'shell',
  level: 'ok',
  message: shell.path === shell.name ? shell.path : `${shell.name}, ${shell.path}`,
  data: { ...shell },
});

export const survivorsOf = ({ info: { capabilities } }: Pick<ExecClient, 'info'>): Finding => {
  const { watchdog } = capabilities;
  if (watchdog === undefined) {
    return {
      check: 'survivors',
      level: 'note',
      message: 'the server does not announce if it has a watchdog',
    };
  }
  return watchdog
    ? {
        check: 'survivors',
        level: 'ok',
        message: 'processes end with the connection, and if the server is killed',
      }
    : {
        check: 'survivors',
        level: 'warning',
        message: 'processes end with the connection, but not if the server is killed: it has no watchdog',
        advice: 'after a crash of the server, check for processes that are still running',
      };
};

export const sandboxOf = ({
  info: { capabilities },
  sandboxUnavailable,
}: Pick<ExecClient, 'info' | 'sandboxUnavailable'>): Finding =>
  capabilities.sandbox
    ? { check: 'sandbox', level: 'ok', message: 'available' }
    : {
        check: 'sandbox',
        level: 'note',
        message: 'not available: requests with a sandbox are refused',
        details: sandboxUnavailable === undefined ? [] : [sandboxUnavailable],
        advice: 'to restrict processes, run the server in a container or as another user',
        data: { unavailable: sandboxUnavailable },
      };

export const limitsOf = ({ limits }: Pick<ExecClient, 'limits'>): Finding => {
  const parts = Object.entries(limits).map(([name, limit]) => `${name} ${inUnits(name, limit)}`);
  const [message = 'the server announces none', ...details] = wrap(parts, ', ', LIMITS_WIDTH);
  return { check: 'limits', level: 'note', message, details, data: { ...limits } };
};

const LIMITS_WIDTH = 80;
const MIB = 1024 * 1024;

const inUnits = (name: string, limit: number): string => {
  if (name.endsWith('Ms')) return `${limit / 1000} s`;
  if (!name.endsWith('Bytes')) return String(limit);
  return limit >= MIB ? `${Math.round(limit / MIB)} MiB` : `${Math.round(limit / 1024)} KiB`;
};

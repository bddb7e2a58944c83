import type { ExecClient } from '../../core/index.ts';
import type { Finding } from './finding.ts';

/** What the server tells of itself. */
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
      message: "this server doesn't tell whether it has a watchdog",
    };
  }
  return watchdog
    ? {
        check: 'survivors',
        level: 'ok',
        message: 'processes end with the connection, and by a watchdog when the server is killed',
      }
    : {
        check: 'survivors',
        level: 'warning',
        message: 'processes end with the connection, but nobody ends them when the server is killed',
        advice: 'look for what is left there after a crash',
      };
};

export const sandboxOf = ({
  info: { capabilities },
  sandboxUnavailable,
}: Pick<ExecClient, 'info' | 'sandboxUnavailable'>): Finding =>
  capabilities.sandbox
    ? { check: 'sandbox', level: 'ok', message: 'processes can be confined' }
    : {
        check: 'sandbox',
        level: 'note',
        message: "processes can't be confined: a start that asks for it is refused",
        details: sandboxUnavailable === undefined ? [] : [sandboxUnavailable],
        advice: 'to confine them all the same, run the server in a container or as another user',
        data: { unavailable: sandboxUnavailable },
      };

export const limitsOf = ({ limits }: Pick<ExecClient, 'limits'>): Finding => {
  const all = Object.entries(limits);
  const [first, ...rest] = lines(all.map(([name, limit]) => `${name} ${inUnits(name, limit)}`));
  return {
    check: 'limits',
    level: 'note',
    message: first ?? 'this server tells none',
    details: rest,
    data: { ...limits },
  };
};

const WIDTH = 80;

const lines = (parts: readonly string[]): string[] => {
  const filled: string[] = [];
  for (const part of parts) {
    const last = filled.at(-1);
    if (last !== undefined && last.length + part.length + 2 <= WIDTH)
      filled[filled.length - 1] = `${last}, ${part}`;
    else filled.push(part);
  }
  return filled;
};

const inUnits = (name: string, limit: number): string => {
  if (name.endsWith('Ms')) return `${limit / 1000} s`;
  if (!name.endsWith('Bytes')) return String(limit);
  return limit >= MIB ? `${Math.round(limit / MIB)} MiB` : `${Math.round(limit / 1024)} KiB`;
};

const MIB = 1024 * 1024;

import { readFileSync } from 'node:fs';

/** The resident memory of a process, in MiB; `undefined` except on Linux. */
export const residentMiB = (pid: number): number | undefined => statusMiB(pid, 'VmRSS');

/** The peak resident memory of a process, in MiB; `undefined` except on Linux. */
export const peakMiB = (pid: number): number | undefined => statusMiB(pid, 'VmHWM');

const statusMiB = (pid: number, field: string): number | undefined => {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kiB = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kiB === undefined) throw new Error(`/proc/${pid}/status tells no ${field}`);
  return Number(kiB) / 1024;
};

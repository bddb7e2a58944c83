import type { Target } from '../core/index.ts';
import { startTimer } from '../system/deadline.ts';
import { printMessage } from './output.ts';

/** Time after which a connection attempt is reported, in milliseconds. */
const REPORT_MS = 3000;

/** Progress of a connection attempt. */
export type ConnectProgress = {
  readonly onFirstByte: () => void;
  /** Reports nothing from now on. */
  stop(): void;
};

/** Prints after three seconds what a connection attempt waits for. */
export const reportSlowConnect = (target: Target): ConnectProgress => {
  let received = false;
  const timer = startTimer(REPORT_MS, () => printMessage(waitingFor(target, received)));
  return {
    onFirstByte: () => {
      received = true;
    },
    stop: () => timer.cancel(),
  };
};

const waitingFor = ({ argv: [program], label }: Target, received: boolean): string => {
  if (received) return `waiting for exec-server on ${label}: it has printed something, but not answered yet`;
  return program === 'ssh'
    ? `waiting for ssh to connect to ${label} and for exec-server there`
    : `waiting for the first byte of exec-server on ${label}`;
};

import { ReadStream } from 'node:tty';
import { ChildExit } from '../child-exit.ts';
import type { PtyChild, PtyPlan } from './pty-child.ts';
import { forkOnUnix } from './pty-fork.ts';
import { TerminalInput } from './pty-input.ts';
import { spawnOnLinux } from './pty-linux.ts';
import { TerminalOutput } from './pty-output.ts';

/** Starts a child on a pseudoterminal of Linux or macOS. */
export const startOnUnixPty = (plan: PtyPlan): PtyChild => {
  const exit = new ChildExit();
  const start = plan.platform === 'linux' ? spawnOnLinux : forkOnUnix;
  const started = start(plan, (code, signal) => onChildExit(code, signal));
  const { fd, pid, path } = started;
  // Without allowHalfOpen the stream would close the terminal when the output ends.
  const master = new ReadStream(fd, { allowHalfOpen: true });
  const isOpen = () => !master.destroyed;
  const output = new TerminalOutput(master, fd);
  const input = new TerminalInput(fd, isOpen);

  let holdsSlave = true;
  const closeSlave = () => {
    if (holdsSlave) started.closeSlave();
    holdsSlave = false;
  };
  const destroy = () => {
    closeSlave();
    input.destroy();
    output.destroy();
    master.destroy();
  };
  const onChildExit = (code: number, signal: number) => {
    closeSlave();
    exit.settle(code, signal);
    if (output.closed) destroy();
  };
  // A child may have closed the terminal and still run; closing our side then would send it SIGHUP.
  output.on('close', () => {
    if (exit.happened) destroy();
  });

  return {
    pid,
    input,
    output,
    terminal: path,
    isOpen,
    onExit: listener => exit.listen(listener),
    resize: ({ columns, rows }) => {
      if (isOpen()) started.resize(columns, rows);
    },
    destroy,
  };
};

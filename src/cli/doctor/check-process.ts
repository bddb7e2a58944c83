import { type ExecClient, RequestError } from '../../core/index.ts';
import { type Finding, MAX_OUTPUT_BYTES } from './finding.ts';

/** Runs the smallest program that there is. */
export const checkProcess = async (client: ExecClient): Promise<Finding> => {
  const windows = client.info.platformOs === 'windows';
  const argv = windows ? (['cmd', '/d', '/c', 'exit'] as const) : (['true'] as const);
  const started = performance.now();
  const child = await client.start({ argv });
  const { exitCode } = await child.collect({ maxBytes: MAX_OUTPUT_BYTES });
  const milliseconds = Math.round(performance.now() - started);
  const data = { argv, exitCode, milliseconds };
  if (exitCode === 0) {
    return {
      check: 'process',
      level: 'ok',
      message: `${argv[0]} ran from start to closed in ${milliseconds} ms`,
      data,
    };
  }
  return {
    check: 'process',
    level: 'problem',
    message: `${argv[0]} ended with exit code ${exitCode}`,
    advice: 'look there which program that is, and whether the machine is out of memory or processes',
    data,
  };
};

/** Runs a program on a terminal, if one can be had: whether its binary loads is only known then. */
export const checkTerminal = async (client: ExecClient): Promise<Finding> => {
  const unavailable = client.ttyUnavailable ?? (await terminalProblem(client));
  if (unavailable === undefined) {
    return { check: 'terminal', level: 'ok', message: 'processes can have one' };
  }
  return {
    check: 'terminal',
    level: 'warning',
    message: 'processes can have none (run -t, tty)',
    details: [unavailable],
    advice:
      'install the package there, in place of the one file, if its system is one with a binary: npm install -g exec-server',
    data: { unavailable },
  };
};

const terminalProblem = async (client: ExecClient): Promise<string | undefined> => {
  if (client.info.platformOs === 'windows') return undefined;
  try {
    const child = await client.start({
      argv: ['/bin/sh', '-c', ':'],
      tty: { columns: 80, rows: 24 },
    });
    await child.collect({ maxBytes: MAX_OUTPUT_BYTES });
    return undefined;
  } catch (error) {
    if (isTerminalError(error)) return error.message;
    throw error;
  }
};

const isTerminalError = (error: unknown): error is RequestError =>
  error instanceof RequestError && (error.kind === 'unsupported' || error.data.stage === 'pty');

import { type ExecClient, RequestError } from '../../core/index.ts';
import { type Finding, MAX_OUTPUT_BYTES } from './finding.ts';

/** Runs a program that exits immediately. */
export const checkProcess = async (client: ExecClient): Promise<Finding> => {
  const windows = client.info.platformOs === 'windows';
  const [file, ...args] = windows ? ['cmd', '/d', '/c', 'exit'] : ['true'];
  const options = { reject: false, maxBuffer: MAX_OUTPUT_BYTES };
  const { exitCode, durationMs } = await client.exec(file, args, options);
  const milliseconds = Math.round(durationMs);
  const data = { argv: [file, ...args], exitCode, milliseconds };
  if (exitCode === 0) {
    return {
      check: 'process',
      level: 'ok',
      message: `ran ${file} in ${milliseconds} ms`,
      data,
    };
  }
  return {
    check: 'process',
    level: 'problem',
    message: `${file} exited with code ${exitCode}`,
    advice:
      'check which program has this name on the server, and if the machine has run out of memory or processes',
    data,
  };
};

/** Runs a program on a terminal, since the server loads the native module for terminals only then. */
export const checkTerminal = async (client: ExecClient): Promise<Finding> => {
  const unavailable = client.ttyUnavailable ?? (await terminalProblem(client));
  if (unavailable === undefined) {
    return { check: 'terminal', level: 'ok', message: 'available' };
  }
  return {
    check: 'terminal',
    level: 'warning',
    message: 'not available: run -t and tty are refused',
    details: [unavailable],
    advice: 'install the package on the server instead of the single file: `npm install -g exec-server`',
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

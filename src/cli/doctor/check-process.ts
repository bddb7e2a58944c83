import { type ExecClient, RequestError } from '../../core/index.ts';
import { type CheckResult, MAX_OUTPUT_BYTES } from './finding.ts';

/** Runs a program that exits immediately. */
export const checkProcess = async (client: ExecClient): Promise<CheckResult> => {
  const windows = client.info.platformOs === 'windows';
  const [file, ...args] = windows ? ['cmd', '/d', '/c', 'exit'] : ['true'];
  const result = await client
    .exec(file, args, { reject: false, maxBuffer: MAX_OUTPUT_BYTES })
    .catch(directoryProblem);
  if ('level' in result) return result;
  const { exitCode, durationMs } = result;
  const milliseconds = Math.round(durationMs);
  const data = { argv: [file, ...args], exitCode, milliseconds };
  if (exitCode === 0) return { level: 'ok', message: `ran ${file} in ${milliseconds} ms`, data };
  return {
    level: 'problem',
    message: `${file} exited with code ${exitCode}`,
    advice:
      'check which program has this name on the server, and whether the machine has run out of memory or processes',
    data,
  };
};

/** The result for a working directory of the server that was removed or cannot be entered; throws any other error. */
const directoryProblem = (error: unknown): CheckResult => {
  if (!(error instanceof RequestError) || error.data.stage !== 'cwd') throw error;
  return {
    level: 'problem',
    message: error.message,
    advice: 'processes need another working directory than that of the server: select one with `--cwd`',
    data: { kind: error.kind },
  };
};

/** Runs a program on a terminal, since the server loads the native module for terminals only then. */
export const checkTerminal = async (client: ExecClient): Promise<CheckResult> => {
  const unavailable = client.ttyUnavailable ?? (await terminalProblem(client));
  if (unavailable === undefined) return { level: 'ok', message: 'available' };
  return {
    level: 'warning',
    message: 'not available: run -t and tty are refused',
    details: [unavailable],
    advice: 'install the whole package on the server: the single file has no terminals (see README.md)',
    data: { unavailable },
  };
};

const terminalProblem = async (client: ExecClient): Promise<string | undefined> => {
  if (client.info.platformOs === 'windows') return undefined;
  try {
    const child = await client.start({ argv: ['/bin/sh', '-c', ':'], cwd: '/', tty: true });
    await child.collect({ maxBytes: MAX_OUTPUT_BYTES });
    return undefined;
  } catch (error) {
    if (isTerminalError(error)) return error.message;
    throw error;
  }
};

const isTerminalError = (error: unknown): error is RequestError =>
  error instanceof RequestError && (error.kind === 'unsupported' || error.data.stage === 'pty');

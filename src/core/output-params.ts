import type { ParamsOut } from '../protocol/define.ts';
import { decodeBase64 } from '../protocol/fields.ts';
import { parse } from '../protocol/parse.ts';
import { type OutputStream, processOutput } from '../protocol/process.ts';

type OutputParams = ParamsOut<typeof processOutput>;

/**
 * Checks the params of `process/output` without a schema: they arrive more often than all other messages together.
 *
 * @throws {ExecServerError} `invalidParams`, as `parse` does
 */
export const parseOutputParams = (params: unknown): OutputParams =>
  checkedByHand(params) ?? parse(processOutput.params, params, processOutput.method);

/** Returns the params if they are valid. For others, the schema finds the error. */
const checkedByHand = (params: unknown): OutputParams | undefined => {
  if (typeof params !== 'object' || params === null) return undefined;
  const { processId, seq, stream, chunk } = params as Partial<Record<keyof OutputParams, unknown>>;
  if (typeof processId !== 'string' || processId === '') return undefined;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1 || !isStream(stream)) return undefined;
  const bytes = typeof chunk === 'string' ? decodeBase64(chunk) : chunk;
  return Buffer.isBuffer(bytes) ? { processId, seq, stream, chunk: bytes } : undefined;
};

const isStream = (stream: unknown): stream is OutputStream =>
  stream === 'stdout' || stream === 'stderr' || stream === 'pty';

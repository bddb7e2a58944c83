import type { Output } from '../../../../src/server/process/child.ts';

/** Reads an output to its end, as text. */
export const textOf = (output: Output | null | undefined): Promise<string> =>
  new Promise((resolve, reject) => {
    if (output == null) throw new Error('no output');
    const chunks: Buffer[] = [];
    output.on('data', (bytes: Buffer) => chunks.push(Buffer.from(bytes)));
    output.on('error', reject);
    output.on('end', () => resolve(Buffer.concat(chunks).toString()));
    output.resume();
  });

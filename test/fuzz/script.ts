import { readFileSync, writeFileSync } from 'node:fs';

/** Framings of a connection, see `docs/protocol.md`. */
export const FRAMINGS = ['contentLength', 'binary', 'newline'] as const;
export type Framing = (typeof FRAMINGS)[number];

/** One thing that is sent; bytes that need not be text are base64. */
export type Step = (
  | { readonly message: unknown }
  /** The body of a frame, whatever it holds. */
  | { readonly body: string }
  /** Bytes as they are, instead of a frame. */
  | { readonly bytes: string }
  /** A question that must be answered within a second. */
  | { readonly probe: true }
) & {
  /** Offsets, as fractions of the length, at which the write is split. */
  readonly cuts?: readonly number[];
};

export const ENDS = ['eof', 'SIGTERM', 'SIGKILL', 'brokenPipe'] as const;
export type End = (typeof ENDS)[number];

/** One connection from beginning to end. */
export type Script = {
  readonly framing: Framing;
  /** Ends processes and waits for all answers before the connection ends. */
  readonly settle: boolean;
  readonly end: End;
  readonly steps: readonly Step[];
};

/** Writes a script as JSON lines: how the connection is made and ended, then each step. */
export const writeScript = (path: string, { steps, ...connection }: Script): void =>
  writeFileSync(path, [connection, ...steps].map(line => `${JSON.stringify(line)}\n`).join(''));

/** Reads what {@link writeScript} wrote. */
export const readScript = (path: string): Script => {
  const [connection, ...steps] = readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
  return { ...connection, steps };
};

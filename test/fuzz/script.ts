import { readFileSync, writeFileSync } from 'node:fs';

/** The framings of a connection, see `docs/protocol.md`. */
export const FRAMINGS = ['contentLength', 'binary', 'newline'] as const;
export type Framing = (typeof FRAMINGS)[number];

/** One thing to send; arbitrary bytes are base64. */
export type Step = (
  | { readonly message: unknown }
  /** The body of a frame, with any content. */
  | { readonly body: string }
  /** Bytes instead of a frame. */
  | { readonly bytes: string }
  /** A request that must be answered within a second. */
  | { readonly probe: true }
) & {
  /** The offsets at which the write is split, as fractions of the length. */
  readonly cuts?: readonly number[];
};

export const ENDS = ['eof', 'shutdown', 'SIGTERM', 'SIGKILL', 'brokenPipe'] as const;
export type End = (typeof ENDS)[number];

/** The messages of one connection. */
export type Script = {
  readonly framing: Framing;
  /** If true, ends processes and waits for all answers before the connection ends. */
  readonly settle: boolean;
  readonly end: End;
  readonly steps: readonly Step[];
};

/** Writes a script as JSON lines: first the properties of the connection, then each step. */
export const writeScript = (path: string, { steps, ...connection }: Script): void =>
  writeFileSync(path, [connection, ...steps].map(line => `${JSON.stringify(line)}\n`).join(''));

/** Reads a script that {@link writeScript} wrote. */
export const readScript = (path: string): Script => {
  const [connection, ...steps] = readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
  return { ...connection, steps };
};

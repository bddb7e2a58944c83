import { MarkedOutput } from '../login/marked-output.ts';
import { MAX_STATE_BYTES } from './limits.ts';
import type { StateScript } from './state-script.ts';

/** The state of a shell as it printed it. Each byte is one character of the texts. */
export type ShellState = {
  /** Output of its builtins by section; those of its variables are named `variable NAME`. */
  readonly sections: ReadonlyMap<string, string>;
  /** Its environment. */
  readonly env: ReadonlyMap<string, string>;
};

/** Finds the state of a shell in its output. */
export class ShellStateReader {
  readonly #middle: Buffer;
  readonly #output: MarkedOutput;

  constructor({ marks: { begin, middle, end } }: StateScript) {
    this.#middle = middle;
    this.#output = new MarkedOutput({ begin, end }, MAX_STATE_BYTES);
  }

  /** Adds output. Returns the state once it is complete. */
  push(chunk: Buffer): ShellState | { readonly reason: string } | undefined {
    const printed = this.#output.push(chunk);
    if (!Buffer.isBuffer(printed)) return printed;
    const at = printed.indexOf(this.#middle);
    if (at === -1) return { reason: MIXED };
    const sections = pairs(printed.subarray(0, at));
    const env = variables(printed.subarray(at + this.#middle.length));
    return sections === undefined || env === undefined ? { reason: MIXED } : { sections, env };
  }
}

const MIXED = 'mixed with other output';

const pairs = (printed: Buffer): ReadonlyMap<string, string> | undefined => {
  const parts = printed.toString('latin1').split('\0');
  if (parts.pop() !== '' || parts.length % 2 !== 0) return undefined;
  const names = parts.filter((_, index) => index % 2 === 0);
  return new Map(names.map((name, index) => [name, parts[2 * index + 1] ?? '']));
};

const variables = (printed: Buffer): ReadonlyMap<string, string> | undefined => {
  const entries = printed.toString('latin1').split('\0');
  if (entries.pop() !== '' || entries.some(entry => entry.indexOf('=') < 1)) return undefined;
  return new Map(
    entries.map(entry => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
};

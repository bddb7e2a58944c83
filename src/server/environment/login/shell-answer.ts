import type { Env } from '../../../shared-config/index.ts';
import { MAX_LOGIN_ENV_BYTES, MAX_LOGIN_NOISE_BYTES } from './limits.ts';

/** A command that makes a shell print its environment twice, between marks. */
export type ShellQuestion = {
  /** One line with the same meaning in sh, bash, zsh, fish and csh, independent of aliases and functions. */
  readonly command: string;
  /** Printed before, between and after the two. */
  readonly marks: readonly [begin: Buffer, middle: Buffer, end: Buffer];
};

/** The environment that a shell printed, or the reason for which it is not usable, without values. */
export type ShellAnswer =
  | {
      readonly env: Env;
      /** Variables that are ignored because their name or value is not UTF-8. */
      readonly undecodable: readonly string[];
    }
  | { readonly reason: string };

/** Creates a question with random marks, which no other output can contain. */
export const newQuestion = (): ShellQuestion => {
  const name = `EXEC_SERVER_MARK_${crypto.randomUUID().replaceAll('-', '')}`;
  const print = '/usr/bin/env -0';
  const commands = [1, 2, 3].map(number => `/usr/bin/env -i ${name}=${number} ${print}`);
  const mark = (number: number) => Buffer.from(`${name}=${number}\0`);
  return { command: commands.join(`; ${print}; `), marks: [mark(1), mark(2), mark(3)] };
};

/**
 * Finds the answer in the output of a shell. Output before the last occurrence of the first mark is ignored. Output of a
 * background job within a value looks like part of the value; the answer is therefore refused unless both copies are
 * equal.
 */
export class ShellAnswerReader {
  readonly #marks: ShellQuestion['marks'];
  /** Output from the first mark on. */
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #noiseBytes = 0;
  /** Latest bytes, which may contain the beginning of a mark. */
  #tail: Buffer = Buffer.alloc(0);

  constructor({ marks }: ShellQuestion) {
    this.#marks = marks;
  }

  /** Adds output. Returns the answer once it is complete. */
  push(chunk: Buffer): ShellAnswer | undefined {
    const [begin, , end] = this.#marks;
    const seen = Buffer.concat([this.#tail, chunk]);
    this.#tail = Buffer.from(seen.subarray(-(begin.length - 1)));
    if (this.#chunks.length > 0) {
      this.#keep(chunk);
    } else {
      const at = seen.indexOf(begin);
      if (at === -1) {
        this.#noiseBytes += chunk.length;
        return this.#noiseBytes > MAX_LOGIN_NOISE_BYTES ? { reason: TOO_MUCH_NOISE } : undefined;
      }
      this.#keep(seen.subarray(at));
    }
    if (seen.includes(end)) return readAnswer(Buffer.concat(this.#chunks), this.#marks);
    return this.#bytes > 2 * MAX_LOGIN_ENV_BYTES + 3 * end.length ? { reason: TOO_MUCH } : undefined;
  }

  #keep(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }
}

const TOO_MUCH_NOISE = `not found in the first ${MAX_LOGIN_NOISE_BYTES} bytes of output`;
const TOO_MUCH = `longer than ${MAX_LOGIN_ENV_BYTES} bytes`;
const MIXED = 'mixed with other output';

const readAnswer = (printed: Buffer, [begin, middle, end]: ShellQuestion['marks']): ShellAnswer => {
  const to = printed.indexOf(end);
  const from = printed.lastIndexOf(begin, to) + begin.length;
  const between = printed.indexOf(middle, from);
  if (between === -1 || between > to) return { reason: MIXED };
  if (between - from > MAX_LOGIN_ENV_BYTES) return { reason: TOO_MUCH };
  const first = parseVariables(printed.subarray(from, between));
  const second = parseVariables(printed.subarray(between + middle.length, to));
  if (first === undefined || second === undefined) return { reason: MIXED };
  return difference(first, second) ?? decoded(first);
};

/** Parses the output of `env -0`. Each byte is one character of the names and values. */
const parseVariables = (printed: Buffer): ReadonlyMap<string, string> | undefined => {
  const entries = printed.toString('latin1').split('\0');
  if (entries.pop() !== '' || entries.length === 0) return undefined;
  const variables = new Map<string, string>();
  for (const entry of entries) {
    const name = entry.slice(0, Math.max(0, entry.indexOf('=')));
    if (name === '' || CONTROL_CHARACTER.test(name)) return undefined;
    // Of two entries with one name programs find the first.
    if (!variables.has(name)) variables.set(name, entry.slice(name.length + 1));
  }
  return variables;
};

// No shell can set such a name: it is other output followed by a name.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are searched for
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/;

const difference = (
  first: ReadonlyMap<string, string>,
  second: ReadonlyMap<string, string>,
): { reason: string } | undefined => {
  const names = [...first.keys()];
  if (names.join('\0') !== [...second.keys()].join('\0')) return { reason: MIXED };
  const changed = names.find(name => first.get(name) !== second.get(name));
  return changed === undefined ? undefined : { reason: `${decode(changed)} differs between two copies` };
};

const decoded = (variables: ReadonlyMap<string, string>): ShellAnswer => {
  const pairs = Array.from(variables, ([name, value]) => [decode(name), decode(value)] as const);
  const isText = (pair: readonly [string, string]) => !pair.join('').includes(REPLACEMENT_CHARACTER);
  return {
    env: Object.fromEntries(pairs.filter(isText)),
    undecodable: pairs.filter(pair => !isText(pair)).map(([name]) => name),
  };
};

const decode = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

const REPLACEMENT_CHARACTER = '\ufffd';

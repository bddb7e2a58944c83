import type { Env } from '../../../shared-config/index.ts';
import { MAX_LOGIN_ENV_BYTES, MAX_LOGIN_NOISE_BYTES } from './limits.ts';

/** What a shell is asked: to print its environment twice, between marks. */
export type ShellQuestion = {
  /** One line, which means the same to sh, bash, zsh, fish and csh, whatever is an alias or a function there. */
  readonly command: string;
  /** What stands before, between and after the two. */
  readonly marks: readonly [begin: Buffer, middle: Buffer, end: Buffer];
};

/** What a shell printed: its environment, or what is wrong with it. The reason holds names at most. */
export type ShellAnswer =
  | {
      readonly env: Env;
      /** Names that were left out, because they or their values aren't UTF-8. */
      readonly undecodable: readonly string[];
    }
  | { readonly reason: string };

/** A question with marks that nothing else can print: they are drawn anew each time. */
export const newQuestion = (): ShellQuestion => {
  const name = `EXEC_SERVER_MARK_${crypto.randomUUID().replaceAll('-', '')}`;
  const print = '/usr/bin/env -0';
  const commands = [1, 2, 3].map(number => `/usr/bin/env -i ${name}=${number} ${print}`);
  const mark = (number: number) => Buffer.from(`${name}=${number}\0`);
  return { command: commands.join(`; ${print}; `), marks: [mark(1), mark(2), mark(3)] };
};

/**
 * Finds the answer in all that a shell prints. Whatever comes before the last first mark is passed over. What
 * a background job prints in the midst of a value looks like a part of it, which is why there are two copies:
 * unless they are alike there is no answer.
 */
export class ShellAnswerReader {
  readonly #marks: ShellQuestion['marks'];
  /** From the first mark on, once it came. */
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #noiseBytes = 0;
  /** The last bytes that came, in which a mark may have begun. */
  #tail: Buffer = Buffer.alloc(0);

  constructor({ marks }: ShellQuestion) {
    this.#marks = marks;
  }

  /** Takes in what was printed next; the answer as soon as there is one. */
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

const TOO_MUCH_NOISE = `there is none in the first ${MAX_LOGIN_NOISE_BYTES} bytes of its output`;
const TOO_MUCH = `it has more than ${MAX_LOGIN_ENV_BYTES} bytes`;
const MIXED = 'other output stands in the midst of it';

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

/** The variables in the output of `env -0`, as bytes in the form of one character each. */
const parseVariables = (printed: Buffer): ReadonlyMap<string, string> | undefined => {
  const entries = printed.toString('latin1').split('\0');
  if (entries.pop() !== '' || entries.length === 0) return undefined;
  const variables = new Map<string, string>();
  for (const entry of entries) {
    const name = entry.slice(0, Math.max(0, entry.indexOf('=')));
    if (name === '' || CONTROL_CHARACTER.test(name)) return undefined;
    // Of two with one name programs find the first.
    if (!variables.has(name)) variables.set(name, entry.slice(name.length + 1));
  }
  return variables;
};

// No shell can set such a name: what has one is something printed and the name after it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTER = /[\x00-\x1f\x7f]/;

const difference = (
  first: ReadonlyMap<string, string>,
  second: ReadonlyMap<string, string>,
): { reason: string } | undefined => {
  const names = [...first.keys()];
  if (names.join('\0') !== [...second.keys()].join('\0')) return { reason: MIXED };
  const changed = names.find(name => first.get(name) !== second.get(name));
  return changed === undefined ? undefined : { reason: `${decode(changed)} was not the same twice` };
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

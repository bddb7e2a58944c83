import type { Env } from '../../../shared-config/index.ts';
import { MAX_LOGIN_ENV_BYTES, MAX_OMITTED_NAME_BYTES } from './limits.ts';
import { MarkedOutput, tooLong } from './marked-output.ts';

/** A command that makes a shell print its environment twice, between marks. */
export type ShellQuestion = {
  /** One line with the same meaning in sh, bash, zsh, fish and csh, independent of aliases and functions. */
  readonly command: string;
  /** Printed before, between and after the two. */
  readonly marks: readonly [begin: Buffer, middle: Buffer, end: Buffer];
};

/** A variable of a shell that is not part of the environment, and the reason, which continues a sentence. */
export type OmittedVariable = { readonly name: string; readonly reason: string };

/** The environment that a shell printed, or the reason for which it is not usable, without values. */
export type ShellAnswer =
  | { readonly env: Env; readonly omitted: readonly OmittedVariable[] }
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
 * background job within a value looks like part of the value; a variable is therefore omitted unless both copies are equal,
 * and the answer is refused unless both have the same names, or if `PATH` differs, without which no program is found.
 */
export class ShellAnswerReader {
  readonly #middle: Buffer;
  readonly #output: MarkedOutput;

  constructor({ marks: [begin, middle, end] }: ShellQuestion) {
    this.#middle = middle;
    this.#output = new MarkedOutput({ begin, end }, MAX_LOGIN_ENV_BYTES, 2);
  }

  /** Adds output. Returns the answer once it is complete. */
  push(chunk: Buffer): ShellAnswer | undefined {
    const printed = this.#output.push(chunk);
    return Buffer.isBuffer(printed) ? readAnswer(printed, this.#middle) : printed;
  }
}

const MIXED = 'mixed with other output';

const readAnswer = (printed: Buffer, middle: Buffer): ShellAnswer => {
  const between = printed.indexOf(middle);
  if (between === -1) return { reason: MIXED };
  if (between > MAX_LOGIN_ENV_BYTES) return { reason: tooLong(MAX_LOGIN_ENV_BYTES) };
  const first = parseVariables(printed.subarray(0, between));
  const second = parseVariables(printed.subarray(between + middle.length));
  if (first === undefined || second === undefined || !haveSameNames(first, second)) return { reason: MIXED };
  return decoded(first, second);
};

/** Names and values as bytes, each byte a character. */
type Variables = ReadonlyMap<string, string>;

/** Parses the output of `env -0`. Each byte is one character of the names and values. */
const parseVariables = (printed: Buffer): Variables | undefined => {
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

const haveSameNames = (first: Variables, second: Variables): boolean =>
  first.size === second.size && [...first.keys()].every(name => second.has(name));

const decoded = (first: Variables, second: Variables): ShellAnswer => {
  const env: Array<readonly [string, string]> = [];
  const omitted: OmittedVariable[] = [];
  for (const [rawName, rawValue] of first) {
    const [name, value] = [decode(rawName), decode(rawValue)];
    if (second.get(rawName) !== rawValue) omitted.push({ name, reason: CHANGES });
    else if (`${name}${value}`.includes(REPLACEMENT_CHARACTER)) omitted.push({ name, reason: NOT_UTF8 });
    else env.push([name, value]);
  }
  if (omitted.some(({ name, reason }) => name === 'PATH' && reason === CHANGES))
    return { reason: `PATH ${CHANGES}` };
  const nameBytes = omitted.reduce((bytes, { name }) => bytes + Buffer.byteLength(name), 0);
  if (nameBytes > MAX_OMITTED_NAME_BYTES) return { reason: TOO_MANY_OMITTED };
  return { env: Object.fromEntries(env), omitted };
};

const CHANGES = 'changes while it is read';
const NOT_UTF8 = 'is not valid UTF-8';
const TOO_MANY_OMITTED = 'too many variables change while they are read, or are not valid UTF-8';

const decode = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

const REPLACEMENT_CHARACTER = '\ufffd';

import type { Writable } from 'node:stream';
import { printable, printableJson } from '../core/printable.ts';
import { openOutput } from '../system/output-descriptor.ts';
import { renderSpans, type Span } from './spans.ts';

// The only module of the command line that writes. All output can contain text of a server, a remote shell or a file,
// so it is escaped for a terminal, except the bytes that are the result itself.

/** Maximum length of a message, in UTF-16 code units; a server chooses the text of its errors. */
const MAX_MESSAGE_LENGTH = 16 * 1024;

/** Prints text for people to stdout, with colours on a terminal unless NO_COLOR is set. */
export const print = (...spans: readonly Span[]): void => {
  write(process.stdout, renderSpans(spans, process.stdout.isTTY && process.stdout.hasColors()));
};

/** Prints one line of JSON to stdout. */
export const printJson = (value: unknown): void => {
  write(process.stdout, `${printableJson(value)}\n`);
};

/** Prints text for people to stderr. */
export const printError = (text: string): void => {
  write(process.stderr, printable(text));
};

/** Prints a message to stderr after the name of the program; a long one is truncated. */
export const printMessage = (text: string): void => {
  const cut = text.length - MAX_MESSAGE_LENGTH;
  const shown = cut > 0 ? `${text.slice(0, MAX_MESSAGE_LENGTH)}… (${cut} more characters)` : text;
  printError(`exec-server: ${shown}\n`);
};

/** Prints a message while a command runs, which may have switched the terminal to raw mode. */
export const printDuringCommand = (text: string): void => {
  if (process.stdin.isTTY && process.stdin.isRaw) printOnRawTerminal([`exec-server: ${text}`]);
  else printMessage(text);
};

/** Prints lines to stderr while the terminal is in raw mode, in which a line feed alone does not return the carriage. */
export const printOnRawTerminal = (lines: readonly string[]): void => {
  process.stderr.write(`${lines.map(line => `\r\n${printable(line)}`).join('')}\r\n`);
};

/**
 * Prints a result to stdout: byte for byte to a pipe or a file, which programs read; escaped on a terminal, like file
 * names in ls(1).
 */
export const printResult = (text: string): void => {
  write(process.stdout, process.stdout.isTTY ? printable(text) : text);
};

/** Resolves when everything is written that was printed: Node writes to a pipe later if the reader is slow. */
export const printed = async (): Promise<void> => {
  for (const stream of used) {
    if (stream.writableLength > 0) await new Promise<void>(resolve => void stream.write('', () => resolve()));
  }
};

const write = (stream: Writable, text: string): void => {
  used.add(stream);
  stream.write(text);
};

const used = new Set<Writable>();

/** Streams for the output of a command, which is copied byte for byte, also to a terminal. */
export const commandOutputs = (): { readonly stdout: Writable; readonly stderr: Writable } => ({
  stdout: openOutput('stdout'),
  stderr: openOutput('stderr'),
});

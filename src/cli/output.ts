import type { Writable } from 'node:stream';
import { printable, printableJson } from '../core/printable.ts';
import { openOutput } from '../system/output-descriptor.ts';
import { paintFor, renderSpans, type Span } from './spans.ts';

// The only module of the command line that writes. Whatever is printed may hold text from a server, a remote shell or
// a file, so everything is escaped for a terminal; bytes that are the result itself are the named exceptions.

/** Longest complaint, in UTF-16 code units; a server chooses the text of its errors. */
const MAX_COMPLAINT_LENGTH = 16 * 1024;

/** Prints to stdout, for people. */
export const print = (...spans: readonly Span[]): void => {
  process.stdout.write(renderSpans(spans, paintFor(process.stdout, process.env)));
};

/** Prints one line of JSON to stdout. */
export const printJson = (value: unknown): void => {
  process.stdout.write(`${printableJson(value)}\n`);
};

/** Prints to stderr, for people. */
export const printError = (text: string): void => {
  process.stderr.write(printable(text));
};

/** Prints to stderr what went wrong, after the name of the program. What is too long is cut. */
export const complain = (text: string): void => {
  const cut = text.length - MAX_COMPLAINT_LENGTH;
  const shown = cut > 0 ? `${text.slice(0, MAX_COMPLAINT_LENGTH)}… (${cut} characters more)` : text;
  printError(`exec-server: ${shown}\n`);
};

/**
 * Prints a result to stdout: byte for byte to a pipe or a file, which programs read, and escaped to a terminal, as
 * ls(1) does with file names.
 */
export const printResult = (text: string): void => {
  process.stdout.write(process.stdout.isTTY ? printable(text) : text);
};

/** Our outputs for those of a command, which are passed on byte for byte, to a terminal too. */
export const commandOutputs = (): { readonly stdout: Writable; readonly stderr: Writable } => ({
  stdout: openOutput('stdout'),
  stderr: openOutput('stderr'),
});

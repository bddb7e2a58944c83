import type { WriteStream } from 'node:tty';
import { printable } from '../core/printable.ts';

/** A piece of what the command line prints: text in the usual colour, or in one of its own. */
export type Span = string | { readonly colour: Colour; readonly text: string };
export type Colour = keyof typeof CODES;

/** Puts a text into a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;

/** The text of spans. Colours come from here alone: whatever the text itself would do to a terminal is escaped. */
export const renderSpans = (spans: readonly Span[], paint: Paint): string =>
  spans
    .map(span => (typeof span === 'string' ? printable(span) : paint(span.colour, printable(span.text))))
    .join('');

/** Paints on a terminal, unless the user refuses colours (no-color.org). */
export const paintFor = (stream: Pick<WriteStream, 'isTTY'>, env: NodeJS.ProcessEnv): Paint =>
  stream.isTTY && !env.NO_COLOR
    ? (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`
    : (_, text) => text;

const CODES = { bold: 1, red: 31, green: 32, yellow: 33 };

import type { WriteStream } from 'node:tty';

/** Puts a text into a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string;
export type Colour = keyof typeof CODES;

/** Paints where a person looks and hasn't refused colours (no-color.org). */
export const paintFor = (stream: Pick<WriteStream, 'isTTY'>, env: NodeJS.ProcessEnv): Paint =>
  stream.isTTY && !env.NO_COLOR
    ? (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`
    : (_, text) => text;

const CODES = { bold: 1, red: 31, green: 32, yellow: 33 };

import type { BodyKind } from './decoder.ts';
import { CHUNK_TYPE } from './format.ts';

/** What the header fields of one frame say so far. */
export type HeaderFields = { contentLength?: number; charset?: string | undefined; kind?: BodyKind };

/**
 * Reads one header line into `fields`.
 *
 * @param describe says what a line that is no field is: its beginning, unless told otherwise
 * @returns what is wrong with it, or `undefined`. Fields that are not known are passed over, as LSP asks.
 */
export const readHeaderLine = (
  line: string,
  fields: HeaderFields,
  describe: (line: string) => string = quote,
): string | undefined => {
  const match = FIELD.exec(line);
  // What was printed without a line break before a frame: `doneContent-Length: 2` is a valid field, too.
  if (match === null || HIDDEN_LENGTH.test(line))
    return `expected a header field, received ${describe(line)}`;
  const [, name = '', value = ''] = match;
  switch (name.toLowerCase()) {
    case 'content-length':
      return readContentLength(value.trim(), fields);
    case 'content-type':
      fields.charset = CHARSET.exec(value)?.[1]?.toLowerCase();
      if (value.split(';', 1)[0]?.trim().toLowerCase() === CHUNK_TYPE) fields.kind = 'chunk';
      return undefined;
    default:
      return undefined;
  }
};

/** Says of a line no more than its length: it may be a piece of a body, and hold a variable's value. */
export const lengthOf = (line: string): string => `a line of ${line.length} bytes`;

/** Whether bodies in this charset can be read; LSP knows UTF-8 alone, also under its old spelling. */
export const isUtf8Charset = (charset: string | undefined): boolean =>
  charset === undefined || charset === 'utf-8' || charset === 'utf8';

// RFC 9110 field names; LSP takes its header from HTTP.
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)$/;
const HIDDEN_LENGTH = /.content-length:/i;
const CHARSET = /;\s*charset="?([^";\s]+)/i;
const QUOTED_CHARACTERS = 40;

const readContentLength = (value: string, fields: HeaderFields): string | undefined => {
  const length = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(length)) {
    return `Content-Length: expected a whole number of bytes, received ${quote(value)}`;
  }
  if (fields.contentLength !== undefined && fields.contentLength !== length) {
    return `Content-Length is given twice, as ${fields.contentLength} and ${length}`;
  }
  fields.contentLength = length;
  return undefined;
};

const quote = (text: string): string =>
  JSON.stringify(text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}…` : text);

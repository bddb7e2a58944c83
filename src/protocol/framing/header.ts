import type { BodyKind } from './decoder.ts';
import { CHUNK_TYPE } from './format.ts';

/** Values of the header fields of one frame. */
export type HeaderFields = { contentLength?: number; charset?: string | undefined; kind?: BodyKind };

/**
 * Reads one header line into `fields`.
 *
 * @param describe describes a line that is not a field, for the error. Default: quotes the first characters
 * @returns the problem with the line, or `undefined`. Unknown fields are ignored, as LSP demands.
 */
export const readHeaderLine = (
  line: string,
  fields: HeaderFields,
  describe: (line: string) => string = quote,
): string | undefined => {
  const match = FIELD.exec(line);
  // Output without a line break before a frame makes a valid field as well: `doneContent-Length: 2`.
  if (match === null || EMBEDDED_LENGTH.test(line))
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

/** Describes a line by its length alone: it may be part of a body and contain the value of a variable. */
export const describeLength = (line: string): string => `a line of ${line.length} bytes`;

/** True if bodies in this charset can be read: UTF-8, also in its old spelling of LSP, `utf8`. */
export const isUtf8Charset = (charset: string | undefined): boolean =>
  charset === undefined || charset === 'utf-8' || charset === 'utf8';

// Field names of RFC 9110: the header of LSP is that of HTTP.
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):(.*)$/;
const EMBEDDED_LENGTH = /.content-length:/i;
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

import { styleText } from 'node:util';
import { printable } from '../core/printable.ts';

/** Piece of printed text: plain, or in a colour. */
export type Span = string | { readonly colour: Colour; readonly text: string };
export type Colour = 'bold' | 'red' | 'green' | 'yellow';

/** Text of spans. Control characters in it are escaped, so the only escape sequences are those of the colours. */
export const renderSpans = (spans: readonly Span[], coloured: boolean): string =>
  spans
    .map(span => {
      if (typeof span === 'string') return printable(span);
      const text = printable(span.text);
      return coloured ? styleText(span.colour, text, { validateStream: false }) : text;
    })
    .join('');

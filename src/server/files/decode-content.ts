import { decodeBase64 } from '../../protocol/fields.ts';
import { TimeSlice } from '../../system/time-slice.ts';

/** Decodes base64 with padding, in time slices. Returns `undefined` for any other text. */
export const decodeContent = async (text: string): Promise<Buffer | undefined> => {
  if (text.length <= PIECE_LENGTH) return decodeBase64(text);
  const bytes = Buffer.allocUnsafe(Math.ceil(text.length / 4) * 3);
  let length = 0;
  const slice = new TimeSlice();
  for (let from = 0; from < text.length; from += PIECE_LENGTH) {
    const piece = decodeBase64(text.slice(from, from + PIECE_LENGTH));
    const isLast = from + PIECE_LENGTH >= text.length;
    // Padding is allowed at the end of the text only.
    if (piece === undefined || (!isLast && piece.length < PIECE_BYTES)) return undefined;
    length += piece.copy(bytes, length);
    if (slice.over) await slice.next();
  }
  return bytes.subarray(0, length);
};

const PIECE_BYTES = 3 * 256 * 1024;
const PIECE_LENGTH = (PIECE_BYTES / 3) * 4;

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { decodeContent } from '../../../src/server/files/decode-content.ts';

/** As many bytes as one piece has. */
const PIECE = 3 * 256 * 1024;

describe('decodeContent', () => {
  for (const length of [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 2]) {
    it(`decodes ${length} bytes`, async () => {
      const bytes = randomBytes(length);
      expect(bytes.equals((await decodeContent(bytes.toString('base64'))) ?? Buffer.from('none'))).to.equal(
        true,
      );
    });
  }

  const text = Buffer.alloc(2 * PIECE).toString('base64');
  const wrong: Array<[string, string]> = [
    [
      'padding at the end of a piece',
      `${text.slice(0, (PIECE / 3) * 4 - 2)}==${text.slice((PIECE / 3) * 4)}`,
    ],
    ['padding in the middle', `AA==${text}`],
    ['another alphabet', `${text}-_AA`],
    ['a line break', `${text.slice(4)}\nAAA`],
    ['a wide character', `${text}AAAŁ`],
    ['no padding', `${text}AA`],
  ];
  for (const [title, content] of wrong) {
    it(`returns undefined for text with ${title}`, async () => {
      expect(await decodeContent(content)).to.equal(undefined);
    });
  }
});

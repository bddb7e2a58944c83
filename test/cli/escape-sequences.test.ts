import { expect } from 'chai';
import { escapeFilter, escapeHelp, parseEscapeChar } from '../../src/cli/escape-sequences.ts';

/** Types keys in the given pieces; returns what is sent, and the actions. */
const typed = async (pieces: readonly string[], escapeChar = '~') => {
  const actions: string[] = [];
  const filter = escapeFilter(escapeChar, {
    onEnd: () => actions.push('end'),
    onHelp: () => actions.push('help'),
  });
  for (const piece of pieces) filter.write(piece);
  filter.end();
  let sent = '';
  for await (const chunk of filter) sent += chunk;
  return { sent, actions };
};

describe('escapeFilter', () => {
  for (const [title, pieces, sent, actions] of [
    ['ends the connection with ~. at the beginning', ['~.'], '', ['end']],
    ['ends the connection with ~. after a line', ['ls\r~.'], 'ls\r', ['end']],
    ['drops the keys after ~.', ['\r~.rm\r', 'more'], '\r', ['end']],
    ['recognizes a sequence in two pieces', ['ls\n~', '.'], 'ls\n', ['end']],
    ['sends ~ within a line', ['cd ~.'], 'cd ~.', []],
    ['sends ~ once for ~~', ['\r~~.'], '\r~.', []],
    ['sends both keys if the second one has no meaning', ['\r~/bin\r'], '\r~/bin\r', []],
    ['lists the sequences with ~?, after which another may follow', ['\r~?~.'], '\r', ['help', 'end']],
    ['sends ~ before a line end, after which another line begins', ['~\r~.'], '~\r', ['end']],
    ['sends ~ at the end of the input', ['~'], '~', []],
  ] as const) {
    it(title, async () => {
      expect(await typed(pieces)).to.deep.equal({ sent, actions });
    });
  }

  it('sends other bytes unchanged', async () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256));
    const filter = escapeFilter('\x1d', { onEnd: () => {}, onHelp: () => {} });
    filter.end(bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of filter) chunks.push(chunk);
    expect(Buffer.concat(chunks)).to.deep.equal(bytes);
  });

  it('takes another character', async () => {
    expect(await typed(['\x1d.'], '\x1d')).to.deep.equal({ sent: '', actions: ['end'] });
    expect(escapeHelp('\x1d').join()).to.include('^].');
  });
});

describe('parseEscapeChar', () => {
  it('takes a character, a control character or none', () => {
    expect(['~', '%', '^]', '^a', 'none'].map(parseEscapeChar)).to.deep.equal([
      '~',
      '%',
      '\x1d',
      '\x01',
      undefined,
    ]);
  });

  it('refuses other text', () => {
    for (const text of ['', '.', '?', 'ab', 'ä', ' ', '^', '^1']) {
      if (text === '^') expect(parseEscapeChar(text)).to.equal('^');
      else expect(() => parseEscapeChar(text), text).to.throw('Expected an ASCII character');
    }
  });
});

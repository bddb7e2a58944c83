import { mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { MAX_LISTING_BYTES, MAX_LISTING_VALUES } from '../../../src/server/files/limits.ts';
import { readDirectory } from '../../../src/server/files/read-directory.ts';
import { paths, refusal, scratchDirectory } from './support/scratch.ts';

describe('readDirectory', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  const { at } = scratchDirectory();

  const list = () => readDirectory(at('d'), paths, MAX_LISTING_BYTES);
  const create = (count: number, suffix: Buffer) => {
    mkdirSync(at('d'));
    for (let index = 0; index < count; index += 1)
      writeFileSync(Buffer.concat([Buffer.from(at(`d/${index}`)), suffix]), '');
  };
  const refused = (limit: string, current: number, max: number) => ({
    code: -32600,
    kind: 'limitExceeded',
    limit,
    current,
    max,
  });

  it('lists 50,000 entries, and refuses one more', async () => {
    create(50_000, Buffer.from(''));
    expect((await list()).entries).to.have.lengthOf(50_000);
    writeFileSync(at('d/one more'), '');
    expect(await refusal(list())).to.deep.equal(refused('directoryEntries', 50_001, 50_000));
  });

  it('refuses an answer with more values than a client accepts', async () => {
    const count = MAX_LISTING_VALUES / 6;
    create(count, Buffer.from([0xff]));
    expect((await list()).entries).to.have.lengthOf(count);
    writeFileSync(at('d/one more'), '');
    expect(await refusal(list())).to.deep.equal(
      refused('listingValues', MAX_LISTING_VALUES + 5, MAX_LISTING_VALUES),
    );
  });
});

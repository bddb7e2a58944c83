import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { FrameMessageWriter } from '../../../src/protocol/framing/message-writer.ts';
import { Outbound } from '../../../src/server/connection/outbound.ts';
import { createLocalFiles, type LocalFiles } from '../../../src/server/files/file-handlers.ts';
import { AnswerMemory } from '../../../src/server/memory/answer-memory.ts';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';
import { PartialAnswers } from '../../../src/server/memory/partial-answers.ts';
import { refusal, scratchDirectory } from './support/scratch.ts';

const MIB = 1024 * 1024;

describe('createLocalFiles', () => {
  const { at } = scratchDirectory();
  let files: LocalFiles;

  beforeEach(() => {
    const writer = new FrameMessageWriter(new PassThrough().resume());
    const budget = new MemoryBudget(Number.POSITIVE_INFINITY);
    files = createLocalFiles({
      platform: process.platform,
      outbound: new Outbound(writer),
      answers: new AnswerMemory(budget, writer),
      parts: new PartialAnswers(budget.share('parts')),
      maxFrameBytes: 64 * MIB,
    });
  });
  afterEach(() => files.stop());

  const nothing = { sandbox: undefined, followSymlinks: undefined };
  const inPlace = { ...nothing, atomic: false, fileMode: undefined };
  const write = (name: string, dataBase64: string) =>
    files.handlers['fs/writeFile']({ path: at(name), dataBase64, ...inPlace });

  it('completes the requests that were made before a stop', async () => {
    writeFileSync(at('f'), 'old');
    const asked = [
      files.handlers['fs/open']({ handleId: 'h', path: at('f'), ...inPlace, mode: 'replace', atomic: true }),
      files.handlers['fs/writeBlock']({ handleId: 'h', offset: 0, chunk: Buffer.from('new') }),
      files.handlers['fs/close']({ handleId: 'h', discard: false, expectSize: 3, expectSha256: undefined }),
      files.handlers['fs/getMetadata']({ path: at(''), ...nothing }),
    ];
    await files.stop();
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(asked.map(() => 'fulfilled'));
    expect([readdirSync(at()), readFileSync(at('f'), 'utf8')]).to.deep.equal([['f'], 'new']);
  });

  it('refuses requests after a stop, and drops files that were not closed', async () => {
    writeFileSync(at('f'), 'old');
    await files.handlers['fs/open']({
      handleId: 'h',
      path: at('f'),
      ...inPlace,
      mode: 'replace',
      atomic: true,
    });
    await files.stop();
    const handle = { handleId: 'h', offset: 0 };
    const refusals = [
      write('new', ''),
      files.handlers['fs/readFile']({ path: at('f'), ...nothing }),
      files.handlers['fs/writeBlock']({ ...handle, chunk: Buffer.from('x') }),
      files.handlers['fs/readBlock']({ ...handle, len: 1 }),
    ].map(refusal);
    expect(await Promise.all(refusals)).to.deep.equal(
      refusals.map(() => ({ code: -32600, kind: 'shuttingDown' })),
    );
    expect([readdirSync(at()), readFileSync(at('f'), 'utf8')]).to.deep.equal([['f'], 'old']);
  });
});

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { FrameMessageWriter } from '../../../src/protocol/framing/message-writer.ts';
import { Outbound } from '../../../src/server/connection/outbound.ts';
import { PartialAnswers } from '../../../src/server/connection/partial-answers.ts';
import { Files } from '../../../src/server/files/files.ts';
import { AnswerMemory } from '../../../src/server/memory/answer-memory.ts';
import { MemoryBudget } from '../../../src/server/memory/memory-budget.ts';
import { refusal, scratchDirectory } from './support/scratch.ts';

const MIB = 1024 * 1024;

describe('Files', () => {
  const { at } = scratchDirectory();
  let files: Files;

  beforeEach(() => {
    const writer = new FrameMessageWriter(new PassThrough().resume());
    const budget = new MemoryBudget(Number.POSITIVE_INFINITY);
    files = new Files({
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
    files.writeFile({ path: at(name), dataBase64, ...inPlace });

  it('do what was asked before they are stopped', async () => {
    writeFileSync(at('f'), 'old');
    const asked = [
      files.open({ handleId: 'h', path: at('f'), ...inPlace, mode: 'replace', atomic: true }),
      files.writeBlock({ handleId: 'h', offset: 0, chunk: Buffer.from('new') }),
      files.close({ handleId: 'h', discard: false, expectSize: 3, expectSha256: undefined }),
      files.getMetadata({ path: at(''), ...nothing }),
    ];
    await files.stop();
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(asked.map(() => 'fulfilled'));
    expect([readdirSync(at()), readFileSync(at('f'), 'utf8')]).to.deep.equal([['f'], 'new']);
  });

  it('begin nothing once they are stopped, and drop what was not closed', async () => {
    writeFileSync(at('f'), 'old');
    await files.open({ handleId: 'h', path: at('f'), ...inPlace, mode: 'replace', atomic: true });
    await files.stop();
    const handle = { handleId: 'h', offset: 0 };
    const refusals = [
      write('new', ''),
      files.readFile({ path: at('f'), ...nothing }),
      files.writeBlock({ ...handle, chunk: Buffer.from('x') }),
      files.readBlock({ ...handle, len: 1 }),
    ].map(refusal);
    expect(await Promise.all(refusals)).to.deep.equal(
      refusals.map(() => ({ code: -32600, kind: 'shuttingDown' })),
    );
    expect([readdirSync(at()), readFileSync(at('f'), 'utf8')]).to.deep.equal([['f'], 'old']);
  });
});

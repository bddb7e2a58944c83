import { expect } from 'chai';
import { type FailedSearch, programNotFound } from '../../src/protocol/program-not-found.ts';

describe('programNotFound', () => {
  const text = (search: Partial<FailedSearch>) =>
    programNotFound({
      program: 'tool',
      searchedPath: ['/a', '/b'],
      pathFrom: undefined,
      separator: ':',
      ...search,
    });

  const texts: Array<[search: Partial<FailedSearch>, text: string]> = [
    [{ searchedPath: undefined, program: './tool' }, 'program not found: ./tool'],
    [{}, 'program not found: tool (searched /a:/b)'],
    [{ searchedPath: ['C:\\a', 'D:\\b'], separator: ';' }, 'program not found: tool (searched C:\\a;D:\\b)'],
    [{ searchedPath: [''] }, 'program not found: tool (searched an empty PATH)'],
    [
      { pathFrom: { outcome: 'kept', base: 'process' } },
      'program not found: tool (searched /a:/b; PATH kept from base process)',
    ],
    [
      { pathFrom: { outcome: 'set', by: 'policy', base: 'login' } },
      'program not found: tool (searched /a:/b; PATH set by the policy)',
    ],
    [{ pathFrom: { outcome: 'set', by: 'overlay' } }, 'program not found: tool (searched /a:/b)'],
    [
      { pathFrom: { outcome: 'removed', by: 'inherit', base: 'process' } },
      'program not found: tool (searched /a:/b by default; PATH removed by inherit)',
    ],
    [
      { pathFrom: { outcome: 'absent' } },
      'program not found: tool (searched /a:/b by default; env has no PATH)',
    ],
  ];
  for (const [search, expected] of texts) {
    it(`composes: ${expected}`, () => {
      expect(text(search)).to.equal(expected);
    });
  }
});

import { expect } from 'chai';
import { EnvDraft } from '../../src/shared-config/env-draft.ts';

const SET = { outcome: 'set', by: 'overlay' } as const;
const REMOVED = { outcome: 'removed', by: 'exclude', pattern: 'P*' } as const;

describe('EnvDraft', () => {
  describe('on posix', () => {
    it('takes names that differ by case for two', () => {
      const draft = new EnvDraft('posix');
      draft.keep('Path', '1');
      draft.keep('PATH', '2');
      draft.set('path', '3', SET);
      draft.remove('PaTh', REMOVED);
      expect(draft.toEnv()).to.deep.equal({ Path: '1', PATH: '2', path: '3' });
    });
  });

  describe('on windows', () => {
    it('keeps the first of two inherited spellings', () => {
      const draft = new EnvDraft('windows', { record: true });
      draft.keep('Path', '1');
      draft.keep('PATH', '2');
      expect(draft.toEnv()).to.deep.equal({ Path: '1' });
      expect(draft.decisions()).to.deep.equal(new Map([['Path', { outcome: 'kept' }]]));
    });

    it('notes an omitted name once, under its first spelling', () => {
      const draft = new EnvDraft('windows', { record: true });
      draft.omit('Path', REMOVED);
      draft.omit('PATH', REMOVED);
      expect(draft.decisions()).to.deep.equal(new Map([['Path', REMOVED]]));
    });

    it('keeps the spelling of a name that is set again', () => {
      const draft = new EnvDraft('windows', { record: true });
      draft.keep('Path', '1');
      draft.set('PATH', '2', SET);
      expect(draft.toEnv()).to.deep.equal({ Path: '2' });
      expect(draft.decisions()).to.deep.equal(new Map([['Path', SET]]));
    });

    it('takes the new spelling of a name that was removed before', () => {
      const draft = new EnvDraft('windows', { record: true });
      draft.keep('Path', '1');
      draft.remove('path', REMOVED);
      draft.set('PATH', '2', SET);
      expect(draft.toEnv()).to.deep.equal({ PATH: '2' });
      expect(draft.decisions()).to.deep.equal(new Map([['PATH', SET]]));
    });

    it('finds a name by any spelling', () => {
      const draft = new EnvDraft('windows');
      draft.keep('Grüße', '1');
      expect(['GRÜßE', 'grüße', 'GRÜSSE'].map(name => draft.has(name))).to.deep.equal([true, true, false]);
    });
  });

  for (const platform of ['posix', 'windows'] as const) {
    it(`admits no withheld name on ${platform}, and notes it whichever step has it`, () => {
      const draft = new EnvDraft(platform, { record: true });
      draft.keep('OPENAI_IDENTITY_TOKEN_FILE', '1');
      draft.omit('node_repl_auth_token', REMOVED);
      draft.set('Openai_Federation_Rule_Id', '2', SET);
      expect(draft.toEnv()).to.deep.equal({});
      const withheld = { outcome: 'removed', by: 'withheld' };
      expect(draft.decisions()).to.deep.equal(
        new Map([
          ['OPENAI_IDENTITY_TOKEN_FILE', withheld],
          ['node_repl_auth_token', withheld],
          ['Openai_Federation_Rule_Id', withheld],
        ]),
      );
    });
  }

  it('notes nothing for the removal of a name that is not there', () => {
    const draft = new EnvDraft('posix', { record: true });
    draft.omit('API_KEY', REMOVED);
    draft.remove('API_KEY', { outcome: 'removed', by: 'overlay' });
    draft.remove('NEVER', { outcome: 'removed', by: 'overlay' });
    expect(draft.decisions()).to.deep.equal(new Map([['API_KEY', REMOVED]]));
  });

  it('notes of a declined name what it is: kept, not there, or set before', () => {
    const draft = new EnvDraft('posix', { record: true });
    draft.keep('LANG', 'de');
    draft.set('LC_CTYPE', 'de', SET);
    draft.omit('LC_TIME', REMOVED);
    for (const name of ['LANG', 'LC_CTYPE', 'LC_TIME', 'LC_ALL']) draft.decline(name, 'keepLocale');
    expect(draft.toEnv()).to.deep.equal({ LANG: 'de', LC_CTYPE: 'de' });
    expect(Object.fromEntries(draft.decisions())).to.deep.equal({
      LANG: { outcome: 'kept', by: 'keepLocale' },
      LC_CTYPE: SET,
      LC_TIME: { outcome: 'removed', by: 'keepLocale' },
      LC_ALL: { outcome: 'removed', by: 'keepLocale' },
    });
  });

  it('knows the value of a name, by any spelling on windows', () => {
    const drafts = (['posix', 'windows'] as const).map(platform => new EnvDraft(platform));
    for (const draft of drafts) draft.keep('Lang', 'de');
    expect(drafts.map(draft => [draft.get('Lang'), draft.get('LANG')])).to.deep.equal([
      ['de', undefined],
      ['de', 'de'],
    ]);
  });

  it('has no decisions unless it records', () => {
    const draft = new EnvDraft('posix');
    draft.keep('HOME', '/home/me');
    draft.decline('HOME', 'keepLocale');
    draft.decline('LC_ALL', 'keepLocale');
    expect(draft.decisions()).to.deep.equal(new Map());
  });

  it('carries any name as a variable of its own', () => {
    const draft = new EnvDraft('posix', { record: true });
    for (const name of ['__proto__', 'constructor', 'toString', '1']) draft.keep(name, `of ${name}`);
    expect(new Map(Object.entries(draft.toEnv()))).to.deep.equal(
      new Map([
        ['__proto__', 'of __proto__'],
        ['constructor', 'of constructor'],
        ['toString', 'of toString'],
        ['1', 'of 1'],
      ]),
    );
    expect(Object.getPrototypeOf(draft.toEnv())).to.equal(Object.prototype);
    expect(draft.decisions().get('__proto__')).to.deep.equal({ outcome: 'kept' });
  });

  it('lists its names in the order in which they came', () => {
    const draft = new EnvDraft('posix');
    for (const name of ['B', 'A', 'C']) draft.keep(name, '');
    draft.set('A', 'again', SET);
    expect(draft.names()).to.deep.equal(['B', 'A', 'C']);
  });
});

import { expect } from 'chai';
import * as z from 'zod/mini';
import { applyOverlay, EnvOverlay } from '../../src/shared-config/env-overlay.ts';

const platforms = ['posix', 'windows'] as const;

describe('EnvOverlay', () => {
  it('takes text, empty text and null', () => {
    const overlay = { TERM: 'dumb', COLORTERM: '', LC_ALL: null };
    expect(EnvOverlay.parse(overlay)).to.deep.equal(overlay);
  });

  it('refuses what no environment can hold', () => {
    const refused = [
      { '': 'x' },
      { 'A=B': null },
      { 'A\0': 'x' },
      { A: 'x\0' },
      JSON.parse('{"__proto__":1}'),
    ];
    expect(refused.filter(overlay => EnvOverlay.safeParse(overlay).success)).to.deep.equal([]);
  });

  it('gives senders the JSON schema that receivers have', () => {
    const schema = z.toJSONSchema(EnvOverlay, { io: 'input' });
    expect(schema).to.deep.equal(z.toJSONSchema(EnvOverlay, { io: 'output' }));
    expect(schema).to.deep.include({ type: 'object', additionalProperties: { type: ['string', 'null'] } });
  });
});

describe('applyOverlay', () => {
  for (const platform of platforms) {
    describe(`on ${platform}`, () => {
      it('adds, replaces, and leaves the rest', () => {
        const env = applyOverlay({ A: '2', C: '3' }, { A: '1', B: '1' }, platform);
        expect(env).to.deep.equal({ A: '2', B: '1', C: '3' });
      });

      it('removes with null', () => {
        expect(applyOverlay({ A: null, NEVER: null }, { A: '1', B: '1' }, platform)).to.deep.equal({
          B: '1',
        });
      });

      it('keeps a name defined and empty with ""', () => {
        expect(applyOverlay({ A: '' }, { A: '1' }, platform)).to.deep.equal({ A: '' });
      });

      it('changes neither of its arguments', () => {
        const overlay = Object.freeze({ A: null, B: '2' });
        const env = Object.freeze({ A: '1' });
        expect(applyOverlay(overlay, env, platform)).to.deep.equal({ B: '2' });
      });

      it('carries a variable named __proto__', () => {
        const env = applyOverlay(
          JSON.parse('{"__proto__":"2"}'),
          JSON.parse('{"__proto__":"1","A":"1"}'),
          platform,
        );
        expect(Object.entries(env)).to.deep.equal([
          ['__proto__', '2'],
          ['A', '1'],
        ]);
      });
    });
  }

  it('tells names apart by case on posix', () => {
    expect(applyOverlay({ PATH: '2', HOME: null }, { Path: '1', Home: '1' }, 'posix')).to.deep.equal({
      Path: '1',
      Home: '1',
      PATH: '2',
    });
  });

  it('replaces under the spelling that is there on windows', () => {
    expect(applyOverlay({ PATH: '2' }, { Path: '1' }, 'windows')).to.deep.equal({ Path: '2' });
  });

  it('uses its own spelling on windows for a name that only it has', () => {
    expect(applyOverlay({ pathExt: '.EXE' }, { Path: '1' }, 'windows')).to.deep.equal({
      Path: '1',
      pathExt: '.EXE',
    });
  });

  it('removes any spelling with null on windows', () => {
    expect(applyOverlay({ PATH: null }, { Path: '1', A: '1' }, 'windows')).to.deep.equal({ A: '1' });
  });

  it('keeps the first of two spellings in the environment on windows', () => {
    expect(applyOverlay({}, { Path: '1', PATH: '2' }, 'windows')).to.deep.equal({ Path: '1' });
  });

  it('counts its own entries in their order on windows', () => {
    expect(applyOverlay({ Path: '1', PATH: '2' }, {}, 'windows')).to.deep.equal({ Path: '2' });
    expect(applyOverlay({ Path: null, PATH: '2' }, { Path: '0' }, 'windows')).to.deep.equal({ PATH: '2' });
    expect(applyOverlay({ PATH: '2', Path: null }, { Path: '0' }, 'windows')).to.deep.equal({});
  });
});

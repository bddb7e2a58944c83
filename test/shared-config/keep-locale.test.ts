import { expect } from 'chai';
import { buildEnv, traceEnv } from '../../src/shared-config/build-env.ts';
import type { Env } from '../../src/shared-config/env.ts';
import type { EnvPolicy } from '../../src/shared-config/env-policy.ts';

const OVERLAY = { LANG: 'C.UTF-8', LC_CTYPE: 'C.UTF-8', LC_ALL: 'C.UTF-8', NO_COLOR: '1' };
const UTF_8 = { LANG: 'C.UTF-8', LC_CTYPE: 'C.UTF-8' };

/** The variables of the locale that a child gets, with the overlay of Core unless told otherwise. */
const localeOf = (base: Env, { overlay = OVERLAY, ...policy }: EnvPolicy & { overlay?: object } = {}) => {
  const { NO_COLOR, ...locale } = buildEnv({
    base,
    policy: { keepLocale: true, ...policy },
    overlay: overlay as Env,
    platform: 'posix',
  });
  expect(NO_COLOR).to.equal((overlay as Env).NO_COLOR);
  return locale;
};

describe('localeNamesToKeep', () => {
  const hosts: Array<[title: string, base: Env, locale: Env]> = [
    ['a host with UTF-8', { LANG: 'de_DE.UTF-8' }, { LANG: 'de_DE.UTF-8' }],
    ['a host that says it in lower case', { LANG: 'en_US.utf8' }, { LANG: 'en_US.utf8' }],
    ['a host with a variant', { LANG: 'de_DE.UTF-8@euro' }, { LANG: 'de_DE.UTF-8@euro' }],
    ['a host with an LC_CTYPE of macOS', { LC_CTYPE: 'UTF-8', LANG: 'C' }, { LC_CTYPE: 'UTF-8', LANG: 'C' }],
    [
      'a host whose LC_ALL is UTF-8',
      { LC_ALL: 'C.UTF-8', LANG: 'ru_RU.KOI8-R' },
      { LC_ALL: 'C.UTF-8', LANG: 'ru_RU.KOI8-R' },
    ],
    [
      'a host whose LC_ALL is empty, which is unset',
      { LC_ALL: '', LANG: 'C.UTF-8' },
      { LC_ALL: '', LANG: 'C.UTF-8' },
    ],
  ];
  for (const [title, base, locale] of hosts) {
    it(`leaves ${title} as it is`, () => {
      expect(localeOf(base)).to.deep.equal(locale);
    });
  }

  const without: Array<[title: string, base: Env, locale: Env]> = [
    ['without a locale', {}, UTF_8],
    ['whose LANG is another', { LANG: 'de_DE.ISO-8859-1' }, UTF_8],
    ['whose LANG names no character set', { LANG: 'de_DE' }, UTF_8],
    ['whose LC_CTYPE overrules a LANG with UTF-8', { LC_CTYPE: 'C', LANG: 'de_DE.UTF-8' }, UTF_8],
    [
      'whose LC_ALL overrules everything',
      { LC_ALL: 'C', LANG: 'de_DE.UTF-8' },
      { ...UTF_8, LC_ALL: 'C.UTF-8' },
    ],
    ['with an empty LC_ALL', { LC_ALL: '' }, { ...UTF_8, LC_ALL: '' }],
    ['with a name that only holds the word', { LANG: 'xutf-8y' }, UTF_8],
  ];
  for (const [title, base, locale] of without) {
    it(`gives UTF-8 to a host ${title}, with LC_ALL only where it has one`, () => {
      expect(localeOf(base)).to.deep.equal(locale);
    });
  }

  it('looks at what the policy left, not at the host', () => {
    expect(localeOf({ LANG: 'de_DE.UTF-8' }, { exclude: ['LANG'] })).to.deep.equal(UTF_8);
    expect(localeOf({ LC_ALL: 'C' }, { inherit: 'none' })).to.deep.equal(UTF_8);
    expect(localeOf({}, { set: { LANG: 'fr_FR.UTF-8' } })).to.deep.equal({ LANG: 'fr_FR.UTF-8' });
  });

  it('removes what the overlay removes, and looks at what is left', () => {
    const overlay = { ...OVERLAY, LC_ALL: null };
    expect(localeOf({ LC_ALL: 'de_DE.UTF-8', LANG: 'C' }, { overlay })).to.deep.equal(UTF_8);
    expect(localeOf({ LC_ALL: 'C', LANG: 'de_DE.UTF-8' }, { overlay })).to.deep.equal({
      LANG: 'de_DE.UTF-8',
    });
  });

  it('stops nothing but the three names', () => {
    const overlay = { LC_TIME: 'C', LANGUAGE: 'en', lang: 'x' };
    expect(localeOf({ LANG: 'de_DE.UTF-8' }, { overlay })).to.deep.equal({ LANG: 'de_DE.UTF-8', ...overlay });
  });

  it('finds the names by any spelling on windows', () => {
    const env = buildEnv({
      base: { Lang: 'de_DE.UTF-8' },
      policy: { keepLocale: true },
      overlay: { LANG: 'C.UTF-8', lc_all: 'C.UTF-8', PATHEXT: null },
      platform: 'windows',
    });
    expect(env).to.deep.equal({ Lang: 'de_DE.UTF-8' });
  });

  it('does nothing unless the policy asks for it', () => {
    for (const keepLocale of [false, null, undefined]) {
      expect(localeOf({ LANG: 'de_DE.UTF-8' }, { keepLocale })).to.deep.equal({
        ...UTF_8,
        LC_ALL: 'C.UTF-8',
      });
    }
    expect(buildEnv({ base: { LANG: 'de_DE.UTF-8' }, overlay: UTF_8, platform: 'posix' })).to.deep.equal(
      UTF_8,
    );
  });

  it('shows in the decisions', () => {
    const explained = (base: Env, policy: EnvPolicy = {}) =>
      Object.fromEntries(
        traceEnv({ base, policy: { keepLocale: true, ...policy }, overlay: OVERLAY, platform: 'posix' })
          .decisions,
      );
    const set = { outcome: 'set', by: 'overlay' };
    const notTaken = { outcome: 'removed', by: 'keepLocale' };
    expect(explained({ LANG: 'C.UTF-8', LC_TIME: 'C' })).to.deep.equal({
      LANG: { outcome: 'kept', by: 'keepLocale' },
      LC_TIME: { outcome: 'kept' },
      LC_CTYPE: notTaken,
      LC_ALL: notTaken,
      NO_COLOR: set,
    });
    expect(explained({ LC_ALL: 'C' }, { set: { LANG: 'C' } })).to.deep.equal({
      LANG: set,
      LC_CTYPE: set,
      LC_ALL: set,
      NO_COLOR: set,
    });
    expect(explained({}, { set: { LANG: 'C.UTF-8' } })).to.deep.include({
      LANG: { outcome: 'set', by: 'policy' },
      LC_ALL: notTaken,
    });
  });
});

import fc from 'fast-check';
import type { EnvInput } from '../../src/shared-config/build-env.ts';
import type { Env, Platform } from '../../src/shared-config/env.ts';
import type { EnvPolicy } from '../../src/shared-config/env-policy.ts';

// Few names, so that base, set and overlay meet; several spellings, so that platforms differ.
const name = fc.oneof(
  fc.constantFrom('PATH', 'Path', 'path', 'PATHEXT', 'PathExt', 'HOME', 'home', 'TEMP', 'SystemRoot'),
  fc.constantFrom('API_KEY', 'api_key', 'MY_TOKEN', 'My_Token', 'SECRET', 'MONKEY'),
  fc.constantFrom('LANG', 'LC_ALL', 'LC_CTYPE', 'lang'),
  fc.constantFrom('A', 'a', 'B', 'ä', 'Ä', 'ß', 'SS', '😀', '__proto__', 'constructor', '1'),
  fc.string({ unit: fc.constantFrom('a', 'A', 'b', '_'), minLength: 1, maxLength: 4 }),
);

// Marked, so that a test can look for a value where none may be.
const value = fc.oneof(
  fc.constant(''),
  fc.string({ maxLength: 5 }).map(text => `<value>${text}`),
  fc.constantFrom('<value>.UTF-8', '<value>.ISO-8859-1', `<value>ghp_${'a'.repeat(36)}`),
);

const record = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<Readonly<Record<string, Value>>> =>
  fc
    .array(fc.tuple(name, values), { maxLength: 12 })
    .map(entries => Object.freeze(Object.fromEntries(entries)));

export const anyEnv: fc.Arbitrary<Env> = record(value);

export const anyOverlay = record(fc.option(value));

const pattern = fc.oneof(
  { weight: 1, arbitrary: name },
  { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom('*', '?', 'a', 'T', 'ä', '_'), maxLength: 4 }) },
);

const patterns = fc.array(pattern, { maxLength: 4 });

const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 4, arbitrary }, { weight: 1, arbitrary: fc.constantFrom(null, undefined) });

export const anyPolicy: fc.Arbitrary<EnvPolicy> = fc.record({
  inherit: maybe(fc.constantFrom('all' as const, 'core' as const, 'none' as const)),
  ignoreDefaultExcludes: maybe(fc.boolean()),
  exclude: maybe(patterns),
  secretValues: maybe(fc.boolean()),
  set: maybe(anyEnv),
  includeOnly: maybe(fc.oneof(fc.constant<string[]>([]), patterns)),
  keepLocale: maybe(fc.boolean()),
});

export const anyPlatform: fc.Arbitrary<Platform> = fc.constantFrom('posix', 'windows');

export const anyInput: fc.Arbitrary<EnvInput> = fc.record({
  base: anyEnv,
  policy: maybe(anyPolicy),
  overlay: maybe(anyOverlay),
  platform: anyPlatform,
});

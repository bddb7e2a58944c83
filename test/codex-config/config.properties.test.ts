import { expect } from 'chai';
import fc from 'fast-check';
import { ConfigError } from '../../src/codex-config/config-error.ts';
import { type EnvironmentsConfig, parseEnvironments } from '../../src/codex-config/environments.ts';
import { parseShellPolicy } from '../../src/codex-config/shell-policy.ts';
import { parseToml } from '../../src/codex-config/toml-document.ts';
import type { EnvPolicy } from '../../src/shared-config/env-policy.ts';
import { anyPolicy } from '../shared-config/arbitraries.ts';
import { holds } from '../support/holds.ts';

/** TOML's basic strings are those of JSON, but for the delete character. */
const quote = (text: string): string => JSON.stringify(text).replaceAll('\x7f', '\\u007f');

const written = (value: unknown): string => {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${quote(key)} = ${written(inner)}`)
    .join(', ')} }`;
};

/** Tables under headers of their own, or in one line. */
const table = (header: string, entries: Array<[key: string, value: unknown]>, inline: boolean): string => {
  const isTable = (value: unknown) => typeof value === 'object' && !Array.isArray(value);
  const apart = inline ? [] : entries.filter(([, value]) => isTable(value));
  return [
    header,
    ...entries.filter(entry => !apart.includes(entry)).map(([key, value]) => `${key} = ${written(value)}`),
    ...apart.flatMap(([key, value]) => [
      `${header.replace(/^\[+/, '[').replace(/\]+$/, '')}.${key}]`,
      ...Object.entries(value as object).map(([name, inner]) => `${quote(name)} = ${written(inner)}`),
    ]),
  ].join('\n');
};

const text = fc.string({ unit: 'binary' }).filter(value => !value.includes('\0'));
const variableName = text.filter(name => name !== '' && !name.includes('=') && name !== '__proto__');
const id = fc
  .stringMatching(/^[A-Za-z0-9_-]{1,12}$/)
  .filter(name => name !== 'local' && name.toLowerCase() !== 'none');

const anyProgram = fc.record({
  id,
  program: text.map(name => name.trim()).filter(name => name !== ''),
  args: fc.array(text, { maxLength: 4 }),
  env: fc.array(fc.tuple(variableName, text), { maxLength: 4 }).map(entries => Object.fromEntries(entries)),
  cwd: fc.option(text, { nil: undefined }),
  initializeTimeoutMs: fc.integer({ min: 1, max: 100_000_000 }),
});

const anyFile = fc.record({
  programs: fc.uniqueArray(anyProgram, { selector: entry => entry.id, maxLength: 4 }),
  includeLocal: fc.boolean(),
  inline: fc.boolean(),
  defaultAt: fc.nat(5),
});

describe('a configuration file', () => {
  it('is read back as it was written, whatever is in its environments', () => {
    holds([anyFile], ({ programs, includeLocal, inline, defaultAt }) => {
      const chosen = programs[defaultAt]?.id;
      const file = [
        `include_local = ${includeLocal}`,
        ...(chosen === undefined ? [] : [`default = "${chosen}"`]),
        ...programs.map(({ initializeTimeoutMs, ...entry }) =>
          table(
            '[[environments]]',
            Object.entries({ ...entry, initialize_timeout_sec: initializeTimeoutMs / 1000 }).filter(
              ([, value]) => value !== undefined,
            ),
            inline,
          ),
        ),
      ].join('\n');
      const expected: EnvironmentsConfig = {
        file: 'f',
        list: [
          ...(includeLocal ? [{ kind: 'local', id: 'local' } as const] : []),
          ...programs.map(entry => ({ kind: 'program' as const, ...entry })),
        ],
        default: chosen ?? (includeLocal ? 'local' : undefined),
      };
      expect(parseEnvironments(file, 'f')).to.deep.equal(expected);
    });
  });

  it('is read back as it was written, whatever is in its policy', () => {
    holds([anyPolicy, fc.boolean()], (anything, inline) => {
      const { set, ...policy } = anything;
      const entries = Object.entries({
        ...policy,
        // No TOML says that a variable is named so.
        ...(set && { set: Object.fromEntries(Object.entries(set).filter(([name]) => name !== '__proto__')) }),
      }).filter(([, value]) => value !== null && value !== undefined);
      const file = table(
        '[shell_environment_policy]',
        entries.map(([field, value]) => [field.replace(/[A-Z]/g, '_$&').toLowerCase(), value]),
        inline,
      );
      expect(parseShellPolicy(file, 'f')).to.deep.equal({
        ignoreDefaultExcludes: true,
        ...(Object.fromEntries(entries) as EnvPolicy),
      });
    });
  });

  it('is never more than wrong: whatever stands in it, it is read or refused with a place', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '[[environments]]',
        '[environments.env]',
        '[shell_environment_policy]',
        '\n',
        '=',
        '{',
        '}',
        '[',
      ),
      fc.constantFrom(
        'id',
        'program',
        'args',
        'env',
        'set',
        'filters',
        '"x"',
        '1',
        'true',
        '[]',
        '{}',
        '.',
        ',',
        ']',
      ),
      fc.constantFrom(
        'id = "a"\n',
        'program = "x"\n',
        'default = "a"\n',
        'env.A = "planted"\n',
        '__proto__ = 1\n',
      ),
      text,
    );
    holds([fc.array(piece, { maxLength: 30 }).map(pieces => pieces.join(' '))], file => {
      for (const read of [parseToml, parseEnvironments, parseShellPolicy]) {
        try {
          read(file, 'f');
        } catch (error) {
          expect(error).to.be.instanceOf(ConfigError);
          expect((error as ConfigError).problems).to.have.lengthOf.at.least(1);
          expect((error as Error).message).to.not.contain('planted');
        }
      }
    });
  });
});

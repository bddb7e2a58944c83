import { expect } from 'chai';
import { parse } from '../../../src/protocol/parse.ts';
import { Sandbox } from '../../../src/protocol/sandbox.ts';
import { requestedAccess, strictest } from '../../../src/server/sandbox/requested-access.ts';

const specialPaths = { cwd: '/cwd', tmpdir: '/var/tmp/mine/', platform: 'linux' } as const;

const special = (kind: string, subpath?: string) => ({ type: 'special', value: { kind, subpath } });

const requested = (entries: readonly object[], more: object = {}, network = 'restricted') =>
  requestedAccess(
    parse(Sandbox, {
      permissions: { type: 'managed', file_system: { type: 'restricted', entries }, network },
      ...more,
    }),
    specialPaths,
  );

const paths = (path: object, more: object = {}) =>
  requested([{ path, access: 'read' }], more)?.entries.map(entry => entry.path);

describe('requestedAccess', () => {
  it('converts the entries that Codex sends', () => {
    const sent = [
      { path: special('root'), access: 'read' },
      { path: special('project_roots'), access: 'write' },
      { path: special('tmpdir'), access: 'write' },
      { path: special('project_roots', '.git'), access: 'read', missing_path_behavior: 'skip' },
      { path: { type: 'path', path: 'file:///a%20b' }, access: 'none' },
    ];
    expect(requested(sent, { workspaceRoots: ['file:///one', '/two/'] })).to.deep.equal({
      root: 'read',
      entries: [
        { path: '/one', access: 'write', skipMissing: false },
        { path: '/two', access: 'write', skipMissing: false },
        { path: '/var/tmp/mine', access: 'write', skipMissing: false },
        { path: '/one/.git', access: 'read', skipMissing: true },
        { path: '/two/.git', access: 'read', skipMissing: true },
        { path: '/a b', access: 'deny', skipMissing: false },
      ],
      network: false,
    });
  });

  it('resolves every special path', () => {
    const roots = { workspaceRoots: ['/one'] };
    expect({
      cwd: paths(special('current_working_directory', 'a/b')),
      ownCwd: paths(special('current_working_directory'), { cwd: 'file:///own' }),
      subpath: paths(special('project_roots', './x/'), roots),
      noRoots: paths(special('project_roots')),
      tmp: paths(special('slash_tmp')),
      dots: paths({ type: 'path', path: '/a/../b/./c' }),
    }).to.deep.equal({
      cwd: ['/cwd/a/b'],
      ownCwd: ['/own'],
      subpath: ['/one/x'],
      noRoots: [],
      tmp: ['/tmp'],
      dots: ['/b/c'],
    });
    expect(paths(special('minimal')))
      .to.include.members(['/usr', '/lib', '/etc/passwd'])
      .and.not.include('/etc');
  });

  it('applies the strictest entry for the root, and denies it without one', () => {
    const root = (...accesses: string[]) =>
      requested(accesses.map(access => ({ path: special('root'), access })))?.root;
    expect([root('read'), root('read', 'write'), root('write', 'none'), root()]).to.deep.equal([
      'read',
      'write',
      'deny',
      'deny',
    ]);
    expect(requested([{ path: { type: 'path', path: '/' }, access: 'write' }])).to.deep.include({
      root: 'write',
      entries: [],
    });
    expect(strictest([])).to.equal(undefined);
  });

  it('returns undefined for a sandbox that restricts nothing', () => {
    const of = (permissions: object) => requestedAccess(parse(Sandbox, { permissions }), specialPaths);
    const unrestricted = (network: string) => ({
      type: 'managed',
      file_system: { type: 'unrestricted' },
      network,
    });
    expect([
      of({ type: 'disabled' }),
      of(unrestricted('enabled')),
      of(unrestricted('restricted')),
    ]).to.deep.equal([undefined, undefined, { root: 'write', entries: [], network: false }]);
  });

  it('refuses entries that cannot be enforced and values that are not paths', () => {
    const cases: Array<[() => unknown, string, string]> = [
      [
        () => requestedAccess(parse(Sandbox, { permissions: { type: 'external' } }), specialPaths),
        'unsupported',
        'sandbox',
      ],
      [() => paths({ type: 'glob_pattern', pattern: '*' }), 'unsupported', 'sandbox'],
      [() => paths(special('unknown')), 'unsupported', 'sandbox'],
      [
        () => paths({ type: 'path', path: 'relative' }),
        'invalidParams',
        'sandbox.permissions.file_system.entries[0].path.path',
      ],
      [
        () => paths(special('project_roots'), { workspaceRoots: ['x'] }),
        'invalidParams',
        'sandbox.workspaceRoots[0]',
      ],
      [
        () => requested([{ path: special('minimal'), access: 'deny' }]),
        'invalidParams',
        'sandbox.permissions.file_system.entries[0].path',
      ],
      [
        () =>
          requested([
            { path: special('root'), access: 'read' },
            { path: special('project_roots', 'a/../..'), access: 'read' },
          ]),
        'invalidParams',
        'permissions.file_system.entries[1].path.value.subpath',
      ],
    ];
    for (const [act, kind, field] of cases) {
      expect(act).to.throw().with.property('data').that.deep.equals({ kind, field });
    }
  });

  it('refuses fields of permissions that it does not know, and accepts others', () => {
    const managed = (fields: object, fileSystem: object = {}) => ({
      type: 'managed',
      file_system: { type: 'restricted', entries: [], ...fileSystem },
      network: 'restricted',
      ...fields,
    });
    const entry = { path: special('slash_tmp'), access: 'write' };
    const refused: Array<[permissions: object, field: string]> = [
      [managed({ noExec: true }), 'permissions.noExec'],
      [managed({}, { maxBytes: 1 }), 'permissions.file_system.maxBytes'],
      [
        managed({}, { entries: [{ ...entry, onlyNew: false }] }),
        'permissions.file_system.entries[0].onlyNew',
      ],
      [
        managed({}, { entries: [{ path: special('root', 'only-here'), access: 'write' }] }),
        'permissions.file_system.entries[0].path.value.subpath',
      ],
      [{ type: 'disabled', network: 'restricted' }, 'permissions.network'],
    ];
    for (const [permissions, field] of refused) {
      expect(() => parse(Sandbox, { permissions }), field)
        .to.throw(`${field}: unknown field, which cannot be enforced`)
        .with.property('data')
        .that.deep.equals({ kind: 'invalidParams', field });
    }
    const accepted = {
      permissions: managed({ noExec: null }, { glob_scan_max_depth: 3 }),
      useLegacyLandlock: false,
    };
    expect(requestedAccess(parse(Sandbox, accepted), specialPaths)).to.deep.equal({
      root: 'deny',
      entries: [],
      network: false,
    });
  });

  it('limits the paths of a sandbox, by entries and by workspace roots', () => {
    const entry = { path: special('project_roots'), access: 'write' };
    const roots = (count: number) => ({
      workspaceRoots: Array.from({ length: count }, (_, i) => `/root-${i}`),
    });
    expect(requested([entry, entry], roots(128))?.entries).to.have.length(256);
    for (const [entries, count, current] of [
      [[entry, entry], 129, 258],
      [[entry], 257, 257],
    ] as const) {
      expect(() => requested(entries, roots(count)))
        .to.throw()
        .with.property('data')
        .that.deep.equals({ kind: 'limitExceeded', limit: 'sandboxPaths', current, max: 256 });
    }
  });
});

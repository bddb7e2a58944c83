import { expect } from 'chai';
import { parse } from '../../../src/protocol/parse.ts';
import { Sandbox } from '../../../src/protocol/sandbox.ts';
import { requestedAccess, strictest } from '../../../src/server/sandbox/requested-access.ts';

const places = { cwd: '/cwd', tmpdir: '/var/tmp/mine/', platform: 'linux' } as const;

const special = (kind: string, subpath?: string) => ({ type: 'special', value: { kind, subpath } });

const wanted = (entries: readonly object[], more: object = {}, network = 'restricted') =>
  requestedAccess(
    parse(Sandbox, {
      permissions: { type: 'managed', file_system: { type: 'restricted', entries }, network },
      ...more,
    }),
    places,
  );

const paths = (path: object, more: object = {}) =>
  wanted([{ path, access: 'read' }], more)?.entries.map(entry => entry.path);

describe('requestedAccess', () => {
  it('reads what Codex sends', () => {
    const sent = [
      { path: special('root'), access: 'read' },
      { path: special('project_roots'), access: 'write' },
      { path: special('tmpdir'), access: 'write' },
      { path: special('project_roots', '.git'), access: 'read', missing_path_behavior: 'skip' },
      { path: { type: 'path', path: 'file:///a%20b' }, access: 'none' },
    ];
    expect(wanted(sent, { workspaceRoots: ['file:///one', '/two/'] })).to.deep.equal({
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

  it('knows every place that has a role', () => {
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

  it('lets the strictest entry for the root count, and none be none', () => {
    const root = (...accesses: string[]) =>
      wanted(accesses.map(access => ({ path: special('root'), access })))?.root;
    expect([root('read'), root('read', 'write'), root('write', 'none'), root()]).to.deep.equal([
      'read',
      'write',
      'deny',
      'deny',
    ]);
    expect(wanted([{ path: { type: 'path', path: '/' }, access: 'write' }])).to.deep.include({
      root: 'write',
      entries: [],
    });
    expect(strictest([])).to.equal(undefined);
  });

  it('is nothing where nothing is confined', () => {
    const of = (permissions: object) => requestedAccess(parse(Sandbox, { permissions }), places);
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

  it('refuses what can not be enforced or is no path', () => {
    const cases: Array<[() => unknown, string, string]> = [
      [
        () => requestedAccess(parse(Sandbox, { permissions: { type: 'external' } }), places),
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
        () => wanted([{ path: special('minimal'), access: 'deny' }]),
        'invalidParams',
        'sandbox.permissions.file_system.entries[0].path',
      ],
      [
        () =>
          wanted([
            { path: special('root', 'x'), access: 'read' },
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

  it('refuses more places than a sandbox may have, by entries or by workspace roots', () => {
    const entry = { path: special('project_roots'), access: 'write' };
    const roots = (count: number) => ({
      workspaceRoots: Array.from({ length: count }, (_, i) => `/root-${i}`),
    });
    expect(wanted([entry, entry], roots(128))?.entries).to.have.length(256);
    for (const [entries, count, current] of [
      [[entry, entry], 129, 258],
      [[entry], 257, 257],
    ] as const) {
      expect(() => wanted(entries, roots(count)))
        .to.throw()
        .with.property('data')
        .that.deep.equals({ kind: 'limitExceeded', limit: 'sandboxPlaces', current, max: 256 });
    }
  });
});

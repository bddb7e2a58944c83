import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { accessTo, type ServerDirectories, sees, viewOf } from '../../../src/server/sandbox/mounts.ts';
import type { Access } from '../../../src/server/sandbox/requested-access.ts';

describe('viewOf', () => {
  let base: string;

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  beforeEach(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'mounts-test-')));
    for (const directory of ['project', 'project/.git', 'project/deep', 'project/deep/er', 'other'])
      mkdirSync(join(base, directory));
    writeFileSync(join(base, 'project/file'), '');
  });

  afterEach(() => {
    if (base !== undefined) rmSync(base, { recursive: true });
  });

  const view = (
    root: Access,
    entries: ReadonlyArray<[string, Access, boolean?]>,
    own: ServerDirectories = {},
  ) =>
    viewOf(
      {
        root,
        entries: entries.map(([path, access, skipMissing = false]) => ({
          path: join(base, path),
          access,
          skipMissing,
        })),
        network: false,
      },
      own,
    );

  const mountsOf = (...args: Parameters<typeof view>) =>
    view(...args).mounts.map(({ path, access }) => [path.slice(base.length + 1), access]);

  const refusal = (...args: Parameters<typeof view>) => {
    try {
      view(...args);
      return undefined;
    } catch (error) {
      return (error as { data: object }).data;
    }
  };

  it('orders a directory before the paths below it, however names compare', () => {
    mkdirSync(join(base, 'project-b'));
    const entries: Array<[string, Access]> = [
      ['project-b', 'read'],
      ['project/.git', 'read'],
      ['project', 'write'],
      ['project/file', 'deny'],
    ];
    expect(mountsOf('read', entries)).to.deep.equal([
      ['project', 'write'],
      ['project/.git', 'read'],
      ['project/file', 'deny'],
      ['project-b', 'read'],
    ]);
  });

  it('mounts each path once, by its strictest entry', () => {
    expect(
      mountsOf('read', [
        ['project', 'read'],
        ['project', 'write'],
        ['other', 'write'],
        ['other', 'deny'],
      ]),
    ).to.deep.equal([
      ['other', 'deny'],
      ['project', 'write'],
    ]);
  });

  it('pins the directories between a writable mount and a mount in it', () => {
    expect(
      mountsOf('read', [
        ['project', 'write'],
        ['project/deep/er', 'read'],
      ]),
    ).to.deep.equal([
      ['project', 'write'],
      ['project/deep', 'write'],
      ['project/deep/er', 'read'],
    ]);
    expect(view('write', [['other', 'deny']]).mounts.map(({ path }) => path)).to.include(base);
    expect(mountsOf('read', [['project/deep/er', 'read']])).to.deep.equal([['project/deep/er', 'read']]);
  });

  it('ignores missing paths that grant nothing', () => {
    expect(
      mountsOf('read', [
        ['missing', 'write'],
        ['missing', 'read'],
        ['missing/x', 'deny'],
      ]),
    ).to.deep.equal([]);
    expect(
      mountsOf('read', [
        ['project', 'write'],
        ['project/missing', 'read', true],
        ['project/none', 'write'],
      ]),
    ).to.deep.equal([['project', 'write']]);
  });

  it('refuses to protect a missing path that could be created', () => {
    const path = join(base, 'project/missing/deep');
    for (const access of ['read', 'deny'] as const) {
      expect(
        refusal('read', [
          ['project', 'write'],
          ['project/missing/deep', access],
        ]),
      ).to.deep.equal({
        kind: 'launchFailed',
        stage: 'sandbox',
        errno: 'ENOENT',
        path,
      });
    }
  });

  it('refuses to protect a path behind a link that could be changed', () => {
    symlinkSync(join(base, 'other'), join(base, 'project/link'));
    symlinkSync('project', join(base, 'safe'));
    expect(
      refusal('read', [
        ['project', 'write'],
        ['project/link', 'deny', true],
      ]),
    ).to.include({ errno: 'ELOOP' });
    expect(
      mountsOf('read', [
        ['project', 'write'],
        ['safe/.git', 'deny'],
      ]),
    ).to.deep.equal([
      ['project', 'write'],
      ['project/.git', 'deny'],
    ]);
  });

  it('refuses a grant through a link that is not part of the system', () => {
    symlinkSync('project', join(base, 'link'));
    for (const access of ['read', 'write'] as const) {
      const data = { kind: 'launchFailed', stage: 'sandbox', errno: 'ELOOP', path: join(base, 'link/deep') };
      expect(refusal('read', [['link/deep', access]])).to.deep.equal(data);
      expect(refusal('read', [['link/deep', access, true]])).to.deep.equal(data);
    }
  });

  it('follows a link of the system, except in a directory that the policy makes writable', () => {
    const requested = (access: Access) => ({
      root: 'read' as const,
      entries: [
        { path: '/var', access, skipMissing: false },
        { path: '/var/run', access: 'write' as const, skipMissing: false },
      ],
      network: false,
    });
    expect(viewOf(requested('read')).mounts).to.deep.include({ path: '/run', access: 'write' });
    expect(() => viewOf(requested('write')))
      .to.throw('/var/run')
      .with.nested.property('data.errno', 'ELOOP');
  });

  it('hides the hidden directories, whatever the entries request', () => {
    expect(
      mountsOf('read', [['other', 'write']], { hidden: [join(base, 'other'), join(base, 'absent')] }),
    ).to.deep.equal([['other', 'deny']]);
  });

  it('makes guarded directories read-only, unless an entry names exactly that path', () => {
    const own = { guarded: [join(base, 'project/deep/er')] };
    expect(mountsOf('read', [['project', 'write']], own)).to.deep.equal([
      ['project', 'write'],
      ['project/deep', 'write'],
      ['project/deep/er', 'read'],
    ]);
    for (const entry of [
      ['project/deep/er', 'write'],
      ['other', 'write'],
      ['project', 'read'],
    ] as Array<[string, Access]>) {
      expect(mountsOf('deny', [entry], own)).to.deep.equal([entry]);
    }
  });

  it('reports which paths are visible', () => {
    symlinkSync(join(base, 'project'), join(base, 'way'));
    symlinkSync(join(base, 'other'), join(base, 'project/out'));
    const restricted = view('deny', [
      ['project', 'write'],
      ['way/deep', 'deny'],
    ]);
    expect(restricted.links).to.deep.equal([[join(base, 'way'), join(base, 'project')]]);
    const seen = (path: string) => sees(restricted, join(base, path));
    expect(
      ['project/file', 'way/file', 'other', 'project/out', 'project/deep/er', 'missing'].map(seen),
    ).to.deep.equal([true, true, false, false, false, false]);
    expect(accessTo(restricted, join(base, 'project/x/y'))).to.equal('write');
    expect(sees(view('read', []), base)).to.equal(true);
  });
});

import {
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { NOBODY_UID } from '../support/accounts.ts';
import { RawClient } from './support/raw-client.ts';
import {
  at,
  createTestDirectories,
  entry,
  PATH,
  requireSandbox,
  sandboxOf,
  special,
  type TestDirectories,
  testedAccounts,
} from './support/sandboxes.ts';

for (const { name, unprivileged } of testedAccounts) {
  describe(`a sandbox with links, as ${name}`, () => {
    let directories: TestDirectories;
    let client: RawClient;
    let temporary: string;
    let ids = 0;

    before(function () {
      requireSandbox(this);
    });

    beforeEach(async () => {
      directories = createTestDirectories(unprivileged);
      temporary = `/tmp/sandbox-links-${process.pid}-${ids}`;
      writeFileSync(join(directories.outside, 'secret'), 'secret\n', { mode: 0o644 });
      client = await RawClient.open({
        argv: directories.server,
        env: { PATH, HOME: directories.base, TMPDIR: temporary, SHELL: '/bin/sh' },
        cwd: directories.base,
      });
    });

    afterEach(async () => {
      if (client === undefined) return;
      expect(await client.close()).to.equal(0);
      expect({ stray: client.strayBytes, stderr: client.stderr }).to.deep.equal({ stray: '', stderr: '' });
      directories.remove();
      rmSync(temporary, { recursive: true, force: true });
    });

    /** Creates a directory owned by the account of the server. */
    const directory = (...parts: string[]): string => {
      const path = join(...parts);
      mkdirSync(path);
      if (unprivileged) chownSync(path, NOBODY_UID, NOBODY_UID);
      return path;
    };

    /** Creates a symbolic link owned by the account of the server. */
    const link = (target: string, ...parts: string[]): string => {
      const path = join(...parts);
      symlinkSync(target, path);
      if (unprivileged) lchownSync(path, NOBODY_UID, NOBODY_UID);
      return path;
    };

    const run = async (script: string, sandbox: object, more: object = {}) => {
      const processId = `p${ids++}`;
      const { error } = await client.ask('process/start', {
        processId,
        argv: ['bash', '-c', script],
        cwd: directories.project,
        env: { PATH },
        sandbox,
        ...more,
      });
      if (error !== undefined) return { error };
      const { stdout, stderr, pty, exited } = await client.finished(processId);
      return { exitCode: exited.exitCode as number, text: `${stdout}${stderr}${pty}`.replaceAll('\r', '') };
    };

    const succeeds = async (script: string, sandbox: object, more: object = {}): Promise<string> => {
      const { error, exitCode, text } = await run(script, sandbox, more);
      expect({ error, exitCode }, text).to.deep.equal({ error: undefined, exitCode: 0 });
      return text ?? '';
    };

    const writeFile = async (path: string, sandbox: object) =>
      (await client.ask('fs/writeFile', { path, dataBase64: 'bmV3', sandbox })).error;

    const readFile = async (path: string, sandbox: object) =>
      (await client.ask('fs/readFile', { path, sandbox })).error;

    /** The error for a grant that would follow a link. */
    const refusal = (planted: string, target: string, path: string, access: string) => ({
      code: -32603,
      message:
        `the sandbox cannot grant ${access} access to ${path}: ${planted} is a symbolic link to ${target} that a ` +
        'sandboxed process may have created; name its target instead, or remove the link',
      data: { kind: 'launchFailed', stage: 'sandbox', errno: 'ELOOP', path },
    });

    const root = entry(special('root'), 'read');
    const programs = entry(special('minimal'), 'read');
    const roots = entry(special('project_roots'), 'write');
    const with2Roots = (sandbox: object, second: string) => ({
      ...sandbox,
      workspaceRoots: [`file://${directories.project}`, `file://${second}`],
    });

    /** A path that a policy grants for writing and that is missing at the first start, with the policy. */
    const variants: Array<[title: string, plan: () => { path: string; sandbox: object }]> = [
      [
        'a nested path that is missing',
        () => {
          const path = join(directories.project, 'build');
          return { path, sandbox: sandboxOf([root, roots, entry(at(path), 'write')], directories.project) };
        },
      ],
      [
        'a path below a directory that is missing',
        () => {
          const path = join(directories.project, 'build');
          const below = join(path, 'outside');
          return { path, sandbox: sandboxOf([root, roots, entry(at(below), 'write')], directories.project) };
        },
      ],
      [
        'a project root that is missing',
        () => {
          const path = join(directories.project, 'module');
          return { path, sandbox: with2Roots(sandboxOf([root, roots], directories.project), path) };
        },
      ],
      [
        'a TMPDIR that is missing',
        () => ({
          path: temporary,
          sandbox: sandboxOf(
            [root, entry(special('slash_tmp'), 'write'), entry(special('tmpdir'), 'write')],
            directories.project,
          ),
        }),
      ],
      [
        'the next current working directory',
        () => {
          const path = join(directories.project, 'next');
          const cwd = entry(special('current_working_directory'), 'write');
          return {
            path,
            sandbox: {
              ...sandboxOf([root, entry(at(directories.project), 'write'), cwd], directories.project),
              cwd: `file://${path}`,
            },
          };
        },
      ],
      [
        'a path below the current working directory',
        () => {
          const path = join(directories.project, 'target');
          const cwd = entry(special('current_working_directory', 'target'), 'write');
          return { path, sandbox: sandboxOf([root, roots, cwd], directories.project) };
        },
      ],
    ];

    for (const [title, plan] of variants) {
      for (const tty of [false, true]) {
        it(`does not widen a later start with a link created by a process for ${title}${tty ? ', on a terminal' : ''}`, async () => {
          const { outside, base } = directories;
          const { path, sandbox } = plan();
          const target = title.includes('below a directory') ? base : outside;
          await succeeds(`ln -s ${target} ${path}`, sandbox, { tty });
          const later = await run(`echo x > ${outside}/planted`, sandbox, { tty });
          expect(readdirSync(outside)).to.deep.equal(['secret']);
          const named = target === base ? join(path, 'outside') : path;
          expect(later).to.deep.equal({ error: refusal(path, target, named, 'write') });
        });
      }

      it(`does not widen a file request with a link created by a process for ${title}`, async () => {
        const { outside, base } = directories;
        const { path, sandbox } = plan();
        const target = title.includes('below a directory') ? base : outside;
        expect(await writeFile(join(outside, 'planted'), sandbox)).to.nested.include({
          'data.errno': 'EROFS',
        });
        await succeeds(`ln -s ${target} ${path}`, sandbox);
        const error = await writeFile(join(outside, 'planted'), sandbox);
        expect(readdirSync(outside)).to.deep.equal(['secret']);
        expect(error?.data).to.include({ kind: 'launchFailed', stage: 'sandbox', errno: 'ELOOP' });
      });
    }

    it('grants no read access with a link created by a process under another policy', async () => {
      const { project, outside } = directories;
      const planted = join(project, 'docs');
      await succeeds(`ln -s ${outside} ${planted}`, sandboxOf([programs, roots], project));
      const reader = sandboxOf([programs, entry(at(planted), 'read')], project);
      const { error, text } = await run(`cat ${planted}/secret`, reader, { cwd: '/usr' });
      expect(text ?? '').not.to.contain('secret');
      expect(error).to.deep.equal(refusal(planted, outside, planted, 'read'));
      expect((await readFile(join(planted, 'secret'), reader))?.data).to.include({ errno: 'ELOOP' });
    });

    it('grants nothing with a link created by a process at a missing path, dangling or not', async () => {
      const { project, outside } = directories;
      const path = join(project, 'new');
      const sandbox = sandboxOf([root, roots, entry(at(path), 'write')], project);
      await succeeds(`ln -s ${outside}/made ${path}`, sandbox);
      const { error } = await run(`echo x > ${outside}/made`, sandbox);
      expect(error).to.deep.equal(refusal(path, join(outside, 'made'), path, 'write'));
      expect(readdirSync(outside)).to.deep.equal(['secret']);
    });

    it('does not follow a link of the account for a grant; its target can be granted', async () => {
      const { project, base } = directories;
      const way = link(project, base, 'way');
      const script = `echo x > ${project}/file`;
      for (const access of ['write', 'read']) {
        const { error } = await run(script, sandboxOf([root, entry(at(join(way, 'sub')), access)]));
        expect(error).to.deep.equal(refusal(way, project, join(way, 'sub'), access));
      }
      await succeeds(script, sandboxOf([root, entry(at(project), 'write')]));
    });

    it('follows a link to deny its target', async () => {
      const { outside, base } = directories;
      const way = link(outside, base, 'way');
      const sandbox = sandboxOf([root, entry(at(way), 'deny')]);
      for (const path of [way, outside]) {
        const { exitCode, text } = await run(`cat ${path}/secret`, sandbox);
        expect([exitCode, text?.includes('secret\n')], text).to.deep.equal([1, false]);
      }
    });

    it('follows links of the system', async () => {
      expect(lstatSync('/var/run').isSymbolicLink()).to.equal(true);
      const sandbox = sandboxOf([
        programs,
        entry(at('/var/run'), 'write'),
        entry(at('/etc/os-release'), 'read'),
        entry(at(directories.project), 'read'),
      ]);
      const text = await succeeds('readlink /var/run; cat /etc/os-release', sandbox);
      expect(text).to.equal(`/run\n${readFileSync('/etc/os-release', 'utf8')}`);
    });

    it('grants nothing outside to a start while a process swaps its directories', async () => {
      const { project, outside } = directories;
      directory(project, 'sub');
      const swapped = sandboxOf([root, roots, entry(at(join(project, 'sub/deep')), 'write')], project);
      directory(project, 'sub/deep');
      directory(outside, 'deep');
      const attacker = `echo ready; while [ ! -e stop ]; do mv sub real && ln -s ${outside} sub && rm sub && mv real sub; done`;
      const processId = `attacker${ids++}`;
      const argv = ['bash', '-c', attacker];
      const attack = {
        processId,
        argv,
        cwd: project,
        env: { PATH },
        sandbox: sandboxOf([root, roots], project),
      };
      await client.request('process/start', attack);
      await client.waitFor('output', m => m.method === 'process/output' && m.params.processId === processId);
      for (let round = 0; round < 20; round += 1) {
        await run(`echo x > ${outside}/deep/planted; echo x > ${outside}/planted`, swapped, {
          cwd: '/usr',
          tty: round % 2 === 1,
        });
      }
      writeFileSync(join(project, 'stop'), '');
      await client.finished(processId);
      expect([readdirSync(outside), readdirSync(join(outside, 'deep'))]).to.deep.equal([
        ['deep', 'secret'],
        [],
      ]);
    });

    it('grants files, named pipes and sockets, also unreadable ones', async () => {
      const { base, project } = directories;
      const own = (path: string) => unprivileged && chownSync(path, NOBODY_UID, NOBODY_UID);
      const server = createServer(socket => socket.end('hello')).listen(join(base, 'socket'));
      await new Promise(resolve => server.once('listening', resolve));
      own(join(base, 'socket'));
      await succeeds(
        'mkfifo pipe && echo text > file && mkdir -m 333 drop',
        sandboxOf([root, roots], project),
      );
      const granted = [join(base, 'socket'), ...['pipe', 'file', 'drop'].map(name => join(project, name))];
      const sandbox = sandboxOf([
        programs,
        ...granted.map(path => entry(at(path), 'write')),
        entry(at(directories.outside), 'read'),
      ]);
      const text = await succeeds(
        `test -S ${granted[0]} && test -p ${granted[1]} && cat ${granted[2]} && echo x > ${granted[3]}/new && ls ${base}`,
        sandbox,
        { cwd: '/usr' },
      );
      server.close();
      expect(text).to.equal('text\noutside\nproject\nsocket\n');
    });

    it('leaves no descriptor open in the server or in the program', async () => {
      const { project } = directories;
      const nested = Array.from({ length: 30 }, (_, index) => directory(project, `nested-${index}`));
      const sandbox = sandboxOf([root, roots, ...nested.map(path => entry(at(path), 'read'))], project);
      const count = () => readdirSync(`/proc/${client.server.pid}/fd`).length;
      const round = async () => {
        for (const tty of [false, true]) {
          const text = await succeeds('ls -1 /proc/$$/fd; true', sandbox, { tty });
          // The last one is that of bash.
          expect(text).to.match(/^0\n1\n2\n(?:255\n)?$/);
        }
        await run('true', { ...sandbox, workspaceRoots: ['file:///missing/root'] });
        expect(await readFile('/etc/os-release', sandbox)).to.equal(undefined);
        expect((await readFile('/missing', sandbox))?.data).to.include({ kind: 'fileNotFound' });
        await run('true', sandboxOf([root, entry(at(link('/', project, `l${ids}`)), 'read')]));
      };
      await round();
      const before = count();
      for (let rounds = 0; rounds < 3; rounds += 1) await round();
      expect(count()).to.be.at.most(before);
    });
  });
}

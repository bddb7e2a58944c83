import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { NOBODY_UID } from '../support/accounts.ts';
import { until } from '../support/until.ts';
import { fixturePath, programPath } from './support/program.ts';
import { RawClient } from './support/raw-client.ts';
import {
  at,
  createTestDirectories,
  entry,
  onlyProject,
  PATH,
  readOnly,
  requireSandbox,
  sandboxOf,
  type TestDirectories,
  testedAccounts,
  workspaceWrite,
} from './support/sandboxes.ts';

const NODE = realpathSync(process.execPath);

for (const { name, unprivileged } of testedAccounts) {
  describe(`a sandbox, as ${name}`, () => {
    let directories: TestDirectories;
    let client: RawClient;
    let ids = 0;

    before(function () {
      requireSandbox(this);
    });

    beforeEach(async () => {
      directories = createTestDirectories(unprivileged);
      const own = (path: string) => {
        if (unprivileged) chownSync(path, NOBODY_UID, NOBODY_UID);
      };
      const write = (path: string, text: string) => {
        writeFileSync(path, text);
        own(path);
      };
      for (const name of ['.git', 'nested', 'nested/.git', 'sub']) {
        mkdirSync(join(directories.project, name));
        own(join(directories.project, name));
      }
      write(join(directories.outside, 'secret'), 'secret\n');
      write(join(directories.project, '.git/config'), 'config\n');
      client = await RawClient.open({
        argv: directories.server,
        // The account without privileges may have a shell that runs no commands.
        env: { PATH, HOME: directories.base, TMPDIR: '/tmp', SHELL: '/bin/sh' },
        cwd: directories.base,
      });
    });

    afterEach(async () => {
      if (client === undefined) return;
      expect(await client.close()).to.equal(0);
      expect({ stray: client.strayBytes, stderr: client.stderr }).to.deep.equal({ stray: '', stderr: '' });
      directories.remove();
    });

    const start = async (argv: readonly string[], sandbox: object | undefined, more: object = {}) => {
      const processId = `p${ids++}`;
      const cwd = directories.project;
      const params = { processId, argv, cwd, env: { PATH }, sandbox, ...more };
      return { processId, ...(await client.ask('process/start', params)) };
    };

    const run = async (argv: readonly string[], sandbox: object | undefined, more: object = {}) => {
      const { processId, result, error } = await start(argv, sandbox, more);
      if (error !== undefined) throw Object.assign(new Error(error.message), { answer: error });
      const { stdout, stderr, pty, exited } = await client.finished(processId);
      const text = `${stdout}${stderr}${pty}`.replaceAll('\r', '');
      return { result, text, exited, exitCode: exited.exitCode as number };
    };

    const shell = (script: string, sandbox: object | undefined, more: object = {}) =>
      run(['bash', '-c', script], sandbox, more);

    const modes: Array<[string, () => object]> = [
      ['read-only', () => readOnly(directories.project)],
      ['workspace-write', () => workspaceWrite(directories.project)],
      ['only the project', () => onlyProject(directories.project)],
    ];

    describe('against attacks', () => {
      /** Each must fail and change nothing outside. */
      const attacks: Array<[title: string, script: (directories: TestDirectories) => string]> = [
        ['writing outside', ({ outside }) => `echo x > ${outside}/new`],
        ['changing a file outside', ({ outside }) => `echo x >> ${outside}/secret`],
        ['changing the mode of a file outside', ({ outside }) => `chmod 777 ${outside}/secret`],
        ['removing a file outside', ({ outside }) => `rm -f ${outside}/secret; test ! -e ${outside}/secret`],
        ['writing outside with ..', () => 'echo x > ../outside/new'],
        ['writing outside through a link', () => 'echo x > link-out/new'],
        ['writing outside through its own link', ({ outside }) => `ln -s ${outside} l && echo x > l/new`],
        ['a hard link to a file outside', ({ outside }) => `ln ${outside}/secret hard && echo x >> hard`],
        [
          'writing through the root of its first process',
          ({ outside }) => `echo x > /proc/1/root${outside}/new`,
        ],
        ['the root of the server', ({ outside }) => `echo x > /proc/${client.server.pid}/root${outside}/new`],
        ['the directory of the server', () => `echo x > /proc/${client.server.pid}/cwd/outside/new`],
        [
          'all roots in /proc',
          ({ outside }) => `for r in /proc/[0-9]*/root; do echo x > $r${outside}/new && exit 0; done; exit 1`,
        ],
        ['mounting', () => 'mount -t tmpfs none sub'],
        ['unmounting', ({ project }) => `umount ${project} || umount /proc`],
        ['remounting the root', () => 'mount -o remount,rw /'],
        [
          'mounting in its own namespace',
          ({ outside }) => `unshare -Urm sh -c 'mount -o remount,rw,bind / && echo x > ${outside}/new'`,
        ],
        [
          'unmounting in its own namespace',
          ({ project }) =>
            `unshare -Urm sh -c 'umount -l ${project}/.git && echo x > ${project}/.git/config'`,
        ],
        ['making a device', () => 'mknod disk b 8 0 && exec 3<disk'],
        [
          'opening a disk',
          () => 'for d in /dev/[shv]d? /dev/nvme?n? /dev/mem; do exec 3<$d && exit 0; done; exit 1',
        ],
        ['changing its root', () => 'chroot / true'],
        ['the settings of the kernel', () => 'exec 3>/proc/sys/kernel/core_pattern'],
        ['the magic key of the kernel', () => 'exec 3>/proc/sysrq-trigger'],
        ['the helper of the kernel', () => 'exec 3>/sys/kernel/uevent_helper'],
        ['signals to the server', () => `kill -0 ${client.server.pid}`],
        ['signals to a process outside', () => `kill -KILL ${bystander.pid}`],
        ['the memory of a process outside', () => `exec 3<>/proc/${bystander.pid}/mem`],
        ['writing to a protected directory', () => 'echo x >> .git/config'],
        ['creating a directory in a protected one', () => 'mkdir .git/hooks'],
        ['renaming a protected directory', () => 'mv .git git'],
        ['removing a protected directory', () => 'rm -rf .git; test ! -e .git/config'],
        ['the pipes of other processes', () => 'ls -d /dev/shm/exec-server-*'],
        ['shared memory outside', () => 'ls /dev/shm | grep .'],
        ['a listening port outside', () => `exec 3<>/dev/tcp/127.0.0.1/${tcpPort()}`],
      ];

      const nodeAttacks: Array<[title: string, script: (directories: TestDirectories) => string]> = [
        ['a listening socket outside', ({ outside }) => connectTo(join(outside, 'socket'))],
        ['an abstract socket outside', () => connectTo(`\0${ABSTRACT}`)],
        ['a socket in /tmp', () => connectTo(TMP_SOCKET)],
      ];

      const ABSTRACT = `sandbox-test-${process.pid}`;
      const TMP_SOCKET = `/tmp/sandbox-test-${process.pid}.socket`;
      let bystander: ChildProcess;
      let sockets: Server[] = [];
      let reached = 0;

      const tcpPort = () => (sockets[0]?.address() as { port: number } | undefined)?.port;

      const connectTo = (address: unknown) =>
        `require('node:net').connect(${JSON.stringify(
          typeof address === 'string' ? { path: address } : address,
        )}).on('connect', () => process.exit(0)).on('error', error => { console.error(error.message); process.exit(7); })`;

      beforeEach(async () => {
        bystander = spawn('sleep', ['600'], {
          stdio: 'ignore',
          ...(unprivileged && { uid: NOBODY_UID, gid: NOBODY_UID }),
        });
        const listen = async (where: object) => {
          const server = createServer(socket => {
            reached += 1;
            socket.destroy();
          });
          server.listen(where);
          await once(server, 'listening');
          return server;
        };
        reached = 0;
        const socket = join(directories.outside, 'socket');
        rmSync(TMP_SOCKET, { force: true });
        sockets = [
          await listen({ port: 0, host: '127.0.0.1' }),
          await listen({ path: socket, writableAll: true, readableAll: true }),
          await listen({ path: `\0${ABSTRACT}` }),
          await listen({ path: TMP_SOCKET, writableAll: true, readableAll: true }),
        ];
        symlinkSync(directories.outside, join(directories.project, 'link-out'));
      });

      afterEach(async () => {
        const alive = bystander.exitCode === null && bystander.signalCode === null;
        bystander.kill('SIGKILL');
        if (alive) await once(bystander, 'exit');
        for (const socket of sockets) socket.close();
        expect({
          alive,
          reached,
          outside: readdirSync(directories.outside).filter(file => file !== 'socket'),
          secret: readFileSync(join(directories.outside, 'secret'), 'utf8'),
          git: readdirSync(join(directories.project, '.git')),
          config: readFileSync(join(directories.project, '.git/config'), 'utf8'),
        }).to.deep.equal({
          alive: true,
          reached: 0,
          outside: ['secret'],
          secret: 'secret\n',
          git: ['config'],
          config: 'config\n',
        });
      });

      it('is needed: the attacks succeed without it', async () => {
        // Otherwise the attacks would prove nothing.
        const unsandboxed = await run(
          [NODE, '-e', connectTo(join(directories.outside, 'socket'))],
          undefined,
        );
        expect(unsandboxed.exitCode, unsandboxed.text).to.equal(0);
        const tcp = await shell(`exec 3<>/dev/tcp/127.0.0.1/${tcpPort()}`, undefined);
        expect(tcp.exitCode, tcp.text).to.equal(0);
        const signal = await shell(`kill -0 ${bystander.pid} && echo x > ../outside/new`, undefined);
        expect(signal.exitCode, signal.text).to.equal(0);
        rmSync(join(directories.outside, 'new'));
        reached = 0;
      });

      for (const tty of [false, true]) {
        for (const [mode, sandbox] of modes.slice(0, 2)) {
          it(`prevents every attack, with ${mode} ${tty ? 'on a terminal' : 'on pipes'}`, async () => {
            const succeeded: string[] = [];
            for (const [title, script] of attacks) {
              const { exitCode, text } = await shell(script(directories), sandbox(), { tty });
              if (exitCode === 0) succeeded.push(`${title}: ${text}`);
            }
            for (const [title, script] of nodeAttacks) {
              const { exitCode, text } = await run([NODE, '-e', script(directories)], sandbox(), { tty });
              if (exitCode !== 7) succeeded.push(`${title}: ${exitCode} ${text}`);
            }
            expect(succeeded).to.deep.equal([]);
          });
        }
      }

      it('prevents reading of denied paths', async () => {
        const { outside, project } = directories;
        const denied = workspaceWrite(project, [
          entry(at(join(outside, 'secret')), 'deny'),
          entry(at(join(project, 'sub')), 'none'),
        ]);
        writeFileSync(join(project, 'sub/inner'), 'inner');
        for (const script of [
          `cat ${outside}/secret`,
          'cat sub/inner',
          'ls sub',
          'mv sub other',
          'rmdir sub',
          `cat /proc/1/root${outside}/secret`,
        ]) {
          const { exitCode, text } = await shell(script, denied);
          expect([script, exitCode === 0, /secret$|inner$/m.test(text)], text).to.deep.equal([
            script,
            false,
            false,
          ]);
        }
        expect(readFileSync(join(project, 'sub/inner'), 'utf8')).to.equal('inner');
      });

      it('prevents access to paths that are not granted', async () => {
        const sandbox = onlyProject(directories.project);
        const seen = await shell(
          `ls -d ${directories.outside} /home /root /var /run /tmp 2>&1; cat /etc/shadow; ls /`,
          sandbox,
        );
        expect(seen.text).not.to.contain('secret').and.not.contain('root:');
        expect(seen.text.trim().split('\n')).not.to.include.members(['home']);
        const own = await shell('echo x > file && cat file', sandbox);
        expect(own.text).to.equal('x\n');
        expect((await shell('mkdir /new', sandbox)).exitCode).not.to.equal(0);
      });

      it('prevents changes to the program of the server and its cache', async () => {
        const { project, server } = directories;
        const tools = join(project, 'nested/tools');
        mkdirSync(tools);
        const program = join(tools, 'exec-server.cjs');
        copyFileSync(server.at(-2) as string, program);
        if (unprivileged) for (const path of [tools, program]) chownSync(path, NOBODY_UID, NOBODY_UID);
        const inProject = await RawClient.open({
          argv: [server[0], ...server.slice(1, -2), program, '--stdio'],
          env: { PATH, HOME: directories.base },
          cwd: directories.base,
        });
        const attempts = [
          `echo x >> ${program}`,
          `rm ${program}`,
          `touch ${tools}/.exec-server.cjs.0123456789abcdef.code`,
          `mv ${tools} ${tools}-2`,
          `mv ${project}/nested ${project}/moved`,
        ];
        const script = `${attempts.map(attempt => `(${attempt}) && echo "succeeded: ${attempt}"`).join('\n')}\ntouch ${project}/nested/file && echo done`;
        for (const sandbox of [
          workspaceWrite(project),
          sandboxOf([entry({ type: 'special', value: { kind: 'root' } }, 'write')], project),
        ]) {
          const processId = `p${ids++}`;
          const params = { argv: ['bash', '-c', script], cwd: project, env: { PATH }, sandbox };
          await inProject.request('process/start', { processId, ...params });
          const { stdout, stderr } = await inProject.finished(processId);
          expect(stdout.toString(), stderr.toString()).to.equal('done\n');
          rmSync(join(project, 'nested/file'));
        }
        await inProject.close();
      });

      it('prevents moving the directory that contains a protected one', async () => {
        const sandbox = workspaceWrite(directories.project, [
          entry(at(join(directories.project, 'nested/.git')), 'read'),
        ]);
        const { exitCode } = await shell(
          'mv nested moved && mkdir -p nested/.git && echo x > nested/.git/config',
          sandbox,
        );
        expect(exitCode).not.to.equal(0);
        expect(readdirSync(join(directories.project, 'nested/.git'))).to.deep.equal([]);
      });
    });

    it('permits what it grants', async () => {
      const sandbox = workspaceWrite(directories.project);
      const name = `sandbox-test-${process.pid}-${ids}`;
      const { exitCode, text } = await shell(
        `echo a > file && mkdir -p sub/deep && mv file sub/deep && cat sub/deep/file .git/config && echo b > /tmp/${name} && rm /tmp/${name} && (echo c | cat > /dev/null) && cat <(echo d)`,
        sandbox,
      );
      expect({ exitCode, text }).to.deep.equal({ exitCode: 0, text: 'a\nconfig\nd\n' });
      expect(readFileSync(join(directories.project, 'sub/deep/file'), 'utf8')).to.equal('a\n');
    });

    it('permits a process to connect to itself, over loopback and a socket pair', async () => {
      const script = `
        const { createServer, connect } = require('node:net');
        const server = createServer(s => s.end('hello')).listen(0, '127.0.0.1', () =>
          connect(server.address().port, '127.0.0.1').on('data', d => {
            require('node:child_process').spawn('cat', { stdio: ['pipe', 'inherit', 'inherit'] }).stdin.end(d);
            server.close();
          }));`;
      const { text } = await run([NODE, '-e', script], readOnly(directories.project));
      expect(text).to.equal('hello');
    });

    it('permits network access if it is enabled', async () => {
      const server = createServer(socket => socket.end('hello')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const sandbox = sandboxOf(
        [entry({ type: 'special', value: { kind: 'root' } }, 'read')],
        directories.project,
        'enabled',
      );
      const { text } = await shell(`cat < /dev/tcp/127.0.0.1/${port}; echo x > file`, sandbox);
      server.close();
      expect(text).to.match(/^hello.*Read-only file system/s);
    });

    it('does not change the environment', async () => {
      const env = {
        PATH,
        PWD: '/some/where else',
        'a.b': 'odd',
        EMPTY: '',
        LINES: 'one\ntwo',
        'BASH_FUNC_f%%': '() { :; }',
        QUOTES: `'"$HOME \${PATH} \\`,
        '-i': 'dash',
        _: 'underscore',
        LD_PRELOAD: '',
        LONG: 'x'.repeat(100_000),
      };
      for (const tty of [false, true]) {
        const argv = [
          NODE,
          '-e',
          'console.log(JSON.stringify(require("fs").readFileSync("/proc/self/environ", "utf8").split("\\0").sort()))',
        ];
        const plain = await run(argv, undefined, { env, tty });
        const sandboxed = await run(argv, readOnly(directories.project), { env, tty });
        expect(sandboxed.text).to.equal(plain.text);
        expect(JSON.parse(plain.text)).to.include('PWD=/some/where else');
      }
    });

    it('loads no library from the environment before the sandbox exists', async () => {
      const { text, exitCode } = await shell('echo fine', readOnly(directories.project), {
        env: {
          PATH,
          LD_LIBRARY_PATH: directories.project,
          LD_PRELOAD: join(directories.project, 'missing.so'),
        },
      });
      // The loader prints errors only after env has started the program.
      expect({
        exitCode,
        fine: text.includes('fine'),
        complaints: text.match(/missing\.so/g)?.length,
      }).to.deep.equal({
        exitCode: 0,
        fine: true,
        complaints: 1,
      });
    });

    it('passes on descriptors 0, 1 and 2 only', async () => {
      await start(['sleep', '600'], undefined, { tty: true });
      for (const tty of [false, true]) {
        const { text } = await shell('ls -1 /proc/$$/fd; true', readOnly(directories.project), { tty });
        expect(
          text
            .trim()
            .split('\n')
            .filter(fd => Number(fd) < 255),
        ).to.deep.equal(['0', '1', '2']);
      }
      await client.request('process/terminate', { processId: `p${ids - 3}` });
    });

    it('puts no value of the environment on a command line', async () => {
      // Unique, because other tests put values on command lines.
      const value = randomUUID();
      const { processId } = await start(['sleep', '600'], readOnly(directories.project), {
        env: { PATH, X: value },
      });
      const lines = readdirSync('/proc')
        .filter(pid => /^\d+$/.test(pid))
        .map(pid => {
          try {
            return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          } catch {
            return '';
          }
        });
      expect(lines.some(line => line.includes(value))).to.equal(false);
      expect(lines.some(line => line.includes(`--chdir\0${directories.project}`))).to.equal(true);
      await client.request('process/terminate', { processId });
      await client.finished(processId);
    });

    describe('around a process', () => {
      it('preserves the exit code and reports its type', async () => {
        const { exitCode, exited, result } = await shell('exit 9', readOnly(directories.project));
        expect({
          exitCode,
          type: result.sandboxType,
          denied: exited.sandboxDenied,
          reason: exited.reason,
        }).to.deep.equal({
          exitCode: 9,
          type: 'linuxSeccomp',
          denied: false,
          reason: 'exited',
        });
      });

      it('reports a failure that looks like a denial', async () => {
        const { exited } = await shell('echo x > /etc/new', readOnly(directories.project));
        expect(exited.sandboxDenied).to.equal(true);
        const free = await shell('echo "Permission denied"; exit 1', undefined);
        expect(free.exited.sandboxDenied).to.equal(false);
        const fine = await shell('echo x > /etc/new; true', readOnly(directories.project));
        expect(fine.exited.sandboxDenied).to.equal(false);
      });

      for (const tty of [false, true]) {
        const where = tty ? 'on a terminal' : 'on pipes';

        for (const target of ['process', 'group', 'tree']) {
          it(`delivers a signal to the ${target}, ${where}`, async () => {
            const script = "trap 'echo got; exit 3' USR1; echo ready; while :; do sleep 0.05; done";
            const { processId } = await start(['bash', '-c', script], readOnly(directories.project), { tty });
            await client.waitFor(
              'output',
              m => m.method === 'process/output' && m.params.processId === processId,
            );
            await client.request('process/signal', { processId, signal: 'USR1', target });
            const { exited, stdout, pty } = await client.finished(processId);
            expect({ code: exited.exitCode, got: `${stdout}${pty}`.includes('got') }).to.deep.equal({
              code: 3,
              got: true,
            });
          });
        }

        it(`preserves the end by a signal, ${where}`, async () => {
          const { processId } = await start(['sleep', '600'], readOnly(directories.project), { tty });
          await client.request('process/signal', { processId, signal: 'TERM', target: 'process' });
          const { exited } = await client.finished(processId);
          expect([exited.exitCode, exited.signal, exited.reason]).to.deep.equal([143, 'SIGTERM', 'signaled']);
        });

        it(`ends with process/terminate and all descendants, ${where}`, async () => {
          const script = "trap '' TERM HUP INT; setsid sleep 654 & echo ready; while :; do sleep 0.05; done";
          const { processId } = await start(['bash', '-c', script], readOnly(directories.project), {
            tty,
            killGraceMs: 100,
          });
          await client.waitFor(
            'output',
            m => m.method === 'process/output' && m.params.processId === processId,
          );
          await client.request('process/terminate', { processId });
          const { exited } = await client.finished(processId);
          expect([exited.exitCode, exited.signal, exited.reason]).to.deep.equal([
            137,
            'SIGKILL',
            'terminated',
          ]);
          await waitForNoProcess('sleep\x00654');
        });

        it(`ends at timeoutMs, ${where}`, async () => {
          const { processId } = await start(['sleep', '600'], readOnly(directories.project), {
            tty,
            // It passes before the program runs.
            timeoutMs: 1,
          });
          const { exited } = await client.finished(processId);
          expect([exited.signal, exited.reason]).to.deep.equal([tty ? 'SIGHUP' : 'SIGTERM', 'timeout']);
        });
      }

      it('passes on Ctrl-C and the size of the terminal', async () => {
        const script = "trap 'stty size; exit 5' INT; echo ready; while :; do sleep 0.05; done";
        const { processId } = await start(['bash', '-c', script], readOnly(directories.project), {
          tty: true,
        });
        await client.waitFor(
          'output',
          m => m.method === 'process/output' && m.params.processId === processId,
        );
        await client.request('process/resize', { processId, size: { columns: 101, rows: 33 } });
        await client.request('process/write', { processId, chunk: Buffer.from('\x03').toString('base64') });
        const { exited, pty } = await client.finished(processId);
        expect(exited.exitCode).to.equal(5);
        expect(pty.toString()).to.contain('33 101');
      });

      it('passes on stdin and its end', async () => {
        const { processId } = await start(['cat'], readOnly(directories.project), { pipeStdin: true });
        await client.request('process/write', { processId, chunk: Buffer.from('typed').toString('base64') });
        await client.request('process/closeStdin', { processId });
        expect((await client.finished(processId)).stdout.toString()).to.equal('typed');
      });
    });

    it('ends when its server is killed', async () => {
      const other = await RawClient.open({ argv: directories.server, env: { PATH }, cwd: directories.base });
      const params = { cwd: directories.project, env: { PATH }, sandbox: readOnly(directories.project) };
      await other.request('process/start', {
        processId: 'x',
        argv: ['setsid', '-f', 'sleep', '653'],
        ...params,
      });
      await other.request('process/start', { processId: 'y', argv: ['sleep', '652'], ...params });
      other.server.kill('SIGKILL');
      await other.ended;
      await waitForNoProcess('sleep\x00652');
      await waitForNoProcess('sleep\x00653');
    });

    describe('with an invalid request', () => {
      const refused = async (argv: readonly string[], sandbox: object, more: object = {}) =>
        (await start(argv, sandbox, more)).error;

      it('refuses unknown fields and values, by name', async () => {
        const cases: Array<[object, string]> = [
          [{ permissions: { type: 'other' } }, 'sandbox.permissions.type'],
          [{}, 'sandbox.permissions'],
          [
            { permissions: { type: 'managed', file_system: { type: 'other' }, network: 'restricted' } },
            'sandbox.permissions.file_system.type',
          ],
          [
            { permissions: { type: 'managed', file_system: { type: 'unrestricted' }, network: 'other' } },
            'sandbox.permissions.network',
          ],
          [
            sandboxOf([entry({ type: 'other' }, 'read')]),
            'sandbox.permissions.file_system.entries[0].path.type',
          ],
          [
            sandboxOf([entry({ type: 'special', value: { kind: 'other' } }, 'read')]),
            'sandbox.permissions.file_system.entries[0].path.value.kind',
          ],
          [sandboxOf([entry(at('/'), 'execute')]), 'sandbox.permissions.file_system.entries[0].access'],
          [
            sandboxOf([entry(at('/'), 'read', { missing_path_behavior: 'make' })]),
            'sandbox.permissions.file_system.entries[0].missing_path_behavior',
          ],
          [
            sandboxOf([
              entry({ type: 'special', value: { kind: 'project_roots', subpath: '../x' } }, 'write'),
            ]),
            'sandbox.permissions.file_system.entries[0].path.value.subpath',
          ],
        ];
        for (const [sandbox, field] of cases) {
          const error = await refused(['true'], sandbox);
          expect([error?.code, error?.data?.field]).to.deep.equal([-32602, field]);
        }
      });

      it('refuses a policy that cannot be enforced', async () => {
        const cases: Array<[object, object, string]> = [
          [{ permissions: { type: 'external' } }, {}, 'sandbox'],
          [sandboxOf([entry({ type: 'glob_pattern', pattern: '**/*.env' }, 'deny')]), {}, 'sandbox'],
          [sandboxOf([entry({ type: 'special', value: { kind: 'unknown' } }, 'read')]), {}, 'sandbox'],
          [readOnly(directories.project), { arg0: 'other' }, 'arg0'],
          [readOnly(directories.project), { enforceManagedNetwork: true }, 'enforceManagedNetwork'],
        ];
        for (const [sandbox, more, field] of cases) {
          const error = await refused(['touch', 'file'], sandbox, more);
          expect([error?.data?.kind, error?.data?.field]).to.deep.equal(['unsupported', field]);
        }
        expect((await refused(['/a=b'], readOnly(directories.project)))?.data).to.deep.equal({
          kind: 'unsupported',
          field: 'argv',
        });
        expect(existsSync(join(directories.project, 'file'))).to.equal(false);
      });

      it('reports the stage of a failed start', async () => {
        const { project, outside } = directories;
        symlinkSync('sub', join(project, 'link'));
        const cases: Array<[readonly string[], object, object, string]> = [
          [['true'], readOnly(project), { cwd: '/missing' }, 'cwd'],
          [['true'], onlyProject(project), { cwd: outside }, 'cwd'],
          [['missing'], readOnly(project), {}, 'resolve'],
          [['true'], sandboxOf([entry(at(project), 'write')], project), {}, 'resolve'],
          [['true'], workspaceWrite(project, [entry(at(join(project, 'absent')), 'deny')]), {}, 'sandbox'],
          [['true'], workspaceWrite(project, [entry(at(join(project, 'link')), 'read')]), {}, 'sandbox'],
        ];
        for (const [argv, sandbox, more, stage] of cases) {
          const error = await refused(argv, sandbox, more);
          expect([error?.data?.kind, error?.data?.stage], error?.message).to.deep.equal([
            'launchFailed',
            stage,
          ]);
        }
      });
    });

    it('is not created unless requested', async () => {
      for (const sandbox of [
        { permissions: { type: 'disabled' } },
        { permissions: { type: 'managed', file_system: { type: 'unrestricted' }, network: 'enabled' } },
      ]) {
        const { result, text } = await shell('echo x > ../outside/free && echo done', sandbox);
        expect([result.sandboxType, text]).to.deep.equal(['none', 'done\n']);
      }
    });

    describe('around file requests', () => {
      const base64 = Buffer.from('new').toString('base64');
      const ask = async (method: string, params: object) => {
        const { result, error } = await client.ask(method, params);
        return error === undefined ? result : (error.data?.errno ?? error.data?.kind);
      };

      if (!unprivileged) {
        it('refuses them if the file of Node is not accessible', async () => {
          const preloaded = fixturePath('loses-node.js');
          const other = await RawClient.open({
            argv: [process.execPath, '--import', preloaded, programPath, '--stdio'],
          });
          const { error } = await other.ask('fs/readFile', {
            path: join(directories.project, 'file'),
            sandbox: readOnly(directories.project),
          });
          expect({ kind: error?.data?.kind, message: error?.message }).to.deep.equal({
            kind: 'unsupported',
            message:
              'sandbox: file requests need a server that is not embedded and whose own files are accessible',
          });
          expect(await other.close()).to.equal(0);
        });
      }

      it('limits access by the kernel', async () => {
        const { project, outside } = directories;
        symlinkSync(outside, join(project, 'link-out'));
        symlinkSync('file', join(project, 'link-in'));
        linkSync(join(project, '.git/config'), join(project, 'sub/hard'));
        const sandbox = workspaceWrite(project);
        const write = (path: string, more: object = {}) =>
          ask('fs/writeFile', { path, dataBase64: base64, sandbox, ...more });
        expect({
          inside: await write(join(project, 'file')),
          outside: await write(join(outside, 'file')),
          link: await write(join(project, 'link-out/file')),
          secret: await write(join(outside, 'secret')),
          git: await write(join(project, '.git/config')),
          readOnly: await write(join(project, 'file'), { sandbox: readOnly(project) }),
          atomic: await write(join(project, 'file'), { atomic: true }),
          copy: await ask('fs/copy', {
            sourcePath: join(project, 'file'),
            destinationPath: join(outside, 'copy'),
            recursive: false,
            sandbox,
          }),
          remove: await ask('fs/remove', { path: join(outside, 'secret'), sandbox }),
          directory: await ask('fs/createDirectory', { path: join(outside, 'directory'), sandbox }),
          open: await ask('fs/open', {
            handleId: 'o',
            path: join(outside, 'secret'),
            mode: 'update',
            sandbox,
          }),
          unseen: await ask('fs/readFile', { path: join(outside, 'secret'), sandbox: onlyProject(project) }),
          linkRefused: await write(join(project, 'link-in'), { followSymlinks: false }),
          proc: await ask('fs/readFile', {
            path: `/proc/${client.server.pid}/root${outside}/secret`,
            sandbox,
          }),
        }).to.deep.equal({
          inside: {},
          outside: 'EROFS',
          link: 'EROFS',
          secret: 'EROFS',
          git: 'EROFS',
          readOnly: 'EROFS',
          atomic: {},
          copy: 'EROFS',
          remove: 'EROFS',
          directory: 'EROFS',
          open: 'EROFS',
          unseen: 'ENOENT',
          linkRefused: 'fileRefused',
          proc: 'ENOENT',
        });
        expect(readdirSync(outside)).to.deep.equal(['secret']);
        expect(readFileSync(join(project, 'file'), 'utf8')).to.equal('new');
      });

      it('preserves open files', async () => {
        const { project } = directories;
        const sandbox = workspaceWrite(project);
        const path = join(project, 'blocks');
        const opened = client.ask('fs/open', { handleId: 'w', path, mode: 'replace', sandbox });
        const wrote = client.ask('fs/writeBlock', { handleId: 'w', offset: 0, chunk: base64 });
        expect([(await opened).error, (await wrote).error]).to.deep.equal([undefined, undefined]);
        expect(await ask('fs/open', { handleId: 'w', path })).to.equal('fileHandleExists');
        expect(await ask('fs/close', { handleId: 'w' })).to.deep.equal({});
        await client.request('fs/open', { handleId: 'w', path, sandbox });
        expect(await ask('fs/readBlock', { handleId: 'w', offset: 0, len: 10 })).to.deep.equal({
          chunk: base64,
          eof: true,
        });
        expect(await ask('fs/close', { handleId: 'w' })).to.deep.equal({});
        expect(await ask('fs/readBlock', { handleId: 'w', offset: 0, len: 10 })).to.equal(
          'unknownFileHandle',
        );
      });

      it('preserves watches', async () => {
        const path = join(directories.project, 'awaited');
        const sandbox = workspaceWrite(directories.project);
        expect(
          await ask('fs/watchMissing', { watchId: 1, missing: [`file://${path}`], sandbox }),
        ).to.deep.equal({ watching: true });
        writeFileSync(path, '');
        const { params } = await client.waitFor(
          'fs/missingChanged',
          ({ method }) => method === 'fs/missingChanged',
        );
        expect(params).to.deep.equal({ watchId: 1 });
      });

      it('is replaced if it is idle and the limit is reached', async () => {
        const path = join(directories.project, '.git/config');
        const sandbox = (index: number) => {
          const read = join(directories.project, `read-${index}`);
          mkdirSync(read);
          return workspaceWrite(directories.project, [entry(at(read), 'read')]);
        };
        for (let index = 0; index < 6; index += 1) {
          expect(await ask('fs/readFile', { path, sandbox: sandbox(index) })).to.have.property('dataBase64');
        }
        const servers = () =>
          readdirSync(`/proc/${client.server.pid}/task`).flatMap(task =>
            readFileSync(`/proc/${client.server.pid}/task/${task}/children`, 'utf8')
              .split(' ')
              .filter(pid => {
                try {
                  return (
                    readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/usr/bin/bwrap') ||
                    readFileSync(`/proc/${pid}/comm`, 'utf8') === 'bwrap\n'
                  );
                } catch {
                  return false;
                }
              }),
          ).length;
        await until(
          () => servers() <= 4,
          () => `${servers()} sandboxes are running`,
        );
        expect(servers()).to.equal(4);
      });
    });
  });
}

/** Waits until no command line starts with `prefix`. */
const waitForNoProcess = (prefix: string): Promise<void> => {
  const running = () =>
    readdirSync('/proc').filter(pid => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(prefix);
      } catch {
        return false;
      }
    });
  return until(
    () => running().length === 0,
    () => `still running: ${running().join(', ')}`,
  );
};

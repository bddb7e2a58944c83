import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';

const root = join(import.meta.dirname, '../..');
const example = join(root, 'docs/examples/agent-loop.ts');

type Message = { readonly role: string; readonly text: string };
type Reply = {
  readonly text: string;
  readonly calls: ReadonlyArray<{ id: string; name: string; arguments: string }>;
};
type Example = {
  solve(model: (conversation: readonly Message[]) => Promise<Reply>, task: string): Promise<string>;
};

/** Imports the example, which imports the built package by its name. */
const load = async (): Promise<Example> => import(pathToFileURL(example).href);

describe('the agent loop in docs/examples', () => {
  it('is identical to the one in docs/unified-exec.md', () => {
    const page = readFileSync(join(root, 'docs/unified-exec.md'), 'utf8');
    expect(page.includes(`\`\`\`ts\n${readFileSync(example, 'utf8')}\`\`\`\n`)).to.equal(true);
  });

  it('compiles with the types of the package', () => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const options = '--ignoreConfig --noEmit --strict --target es2023 --module nodenext --types node'.split(
      ' ',
    );
    const { stdout, status } = spawnSync(process.execPath, [tsc, ...options, example], {
      cwd: root,
      encoding: 'utf8',
    });
    expect([stdout, status]).to.deep.equal(['', 0]);
  });

  it('runs commands, a session, an invalid call and ends', async () => {
    const { solve } = await load();
    const results: unknown[] = [];
    const call = (name: string, args: object) => ({
      text: '',
      calls: [{ id: name, name, arguments: JSON.stringify(args) }],
    });
    let sessionId = 0;
    const script: Array<() => Reply> = [
      () => call('exec_command', { command: 'test -n "$CODEX_THREAD_ID" && echo there', shell: '/bin/sh' }),
      () =>
        call('exec_command', {
          command: 'read x; echo "got $x"',
          shell: '/bin/sh',
          tty: true,
          yieldTimeMs: 0,
        }),
      () => call('write_stdin', { sessionId, chars: 'a line\n', yieldTimeMs: 20_000 }),
      () => call('write_stdin', { sessionId }),
      () => call('exec_command', { cmd: 'ls' }),
      () => ({ text: '', calls: [{ id: 'x', name: 'exec_command', arguments: '{' }] }),
      () => ({ text: 'done', calls: [] }),
    ];
    const model = async (conversation: readonly Message[]): Promise<Reply> => {
      const last = conversation.at(-1) as Message;
      if (last.role === 'tool') {
        const { wallTimeMs, outputBytes, omitted, ...answer } = JSON.parse(last.text);
        results.push(answer);
        sessionId = answer.sessionId ?? sessionId;
      }
      return (script.shift() as () => Reply)();
    };
    expect(await solve(model, 'try it')).to.equal('done');
    expect(results.slice(0, 5)).to.deep.equal([
      { output: 'there\n', exitCode: 0, reason: 'exited' },
      { output: '', sessionId: 1 },
      { output: 'a line\r\ngot a line\r\n', exitCode: 0, reason: 'exited' },
      { error: 'unknown session 1: it has ended, and an earlier result had its exit code' },
      { error: 'options: unknown field "cmd"' },
    ]);
    expect(results[5]).to.have.property('error').that.contains('JSON');
  });
});

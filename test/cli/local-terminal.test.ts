import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { type PtyChild, startOnPty } from '../../src/server/process/pty/pty.ts';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const module = new URL('../../src/cli/local-terminal.ts', import.meta.url).href;

/** A program that imports the module and then does something with it. */
const program = (script: string): [string, ...string[]] => [
  process.execPath,
  '--import',
  tsx,
  '--input-type=module',
  '--eval',
  `const { terminalSize, lendTerminal } = await import(${JSON.stringify(module)}); ${script}`,
];

const onPty = (argv: [string, ...string[]]): PtyChild =>
  startOnPty({
    argv,
    arg0: undefined,
    cwd: process.cwd(),
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    size: { columns: 101, rows: 37 },
    platform: process.platform,
  });

const TELL_SIZE = 'process.stdout.write(JSON.stringify(terminalSize()));';

describe('terminalSize', () => {
  it('is that of the first video terminals where there is no terminal', () => {
    const [node, ...args] = program(TELL_SIZE);
    const told = execFileSync(node, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    expect(JSON.parse(told)).to.deep.equal({ columns: 80, rows: 24 });
  });
});

const hasTerminals = ptyUnavailable() === undefined && process.platform !== 'win32';

(hasTerminals ? describe : describe.skip)('on a terminal', () => {
  it('terminalSize is its size, also when stdout goes elsewhere', async () => {
    const direct = onPty(program(TELL_SIZE));
    const redirected = onPty(['sh', '-c', '"$@" | cat', 'sh', ...program(TELL_SIZE)]);
    const told = await Promise.all(
      [direct, redirected].map(async ({ output }) => JSON.parse(await text(output))),
    );
    expect(told).to.deep.equal([
      { columns: 101, rows: 37 },
      { columns: 101, rows: 37 },
    ]);
  });

  it('lendTerminal makes it raw both ways, and puts it back', async () => {
    const script = `
      const { spawnSync } = await import('node:child_process');
      const modes = () => {
        const { stdout } = spawnSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'inherit'], encoding: 'utf8' });
        return ['icanon', 'echo', 'opost'].map(mode => new RegExp('(^| )' + mode + '\\\\b', 'm').test(stdout));
      };
      const before = modes();
      const restore = lendTerminal({ resize: async () => {} });
      const lent = modes();
      restore();
      restore();
      process.stdout.write(JSON.stringify([before, lent, modes()]));`;
    const told = JSON.parse(await text(onPty(program(script)).output));
    expect(told).to.deep.equal([
      [true, true, true],
      [false, false, false],
      [true, true, true],
    ]);
  });

  it('lendTerminal tells the process elsewhere each new size', async () => {
    const script = `
      const restore = lendTerminal({ resize: async size => {
        process.stdout.write(JSON.stringify(size) + ';');
        restore();
        process.stdin.unref();
      } });
      setInterval(() => {}, 1000).unref();
      process.stdin.resume();
      process.stdout.write('ready;');`;
    const child = onPty(program(script));
    let told = '';
    for await (const chunk of child.output) {
      told += chunk;
      if (told === 'ready;') child.resize({ columns: 55, rows: 22 });
    }
    expect(told).to.equal('ready;{"columns":55,"rows":22};');
  });
});

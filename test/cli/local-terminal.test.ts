import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { ptyUnavailable } from '../../src/server/process/pty/pty-binding.ts';
import type { PtyChild } from '../../src/server/process/pty/pty-child.ts';
import { startOnPty } from '../../src/server/process/pty/start-on-pty.ts';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const module = new URL('../../src/cli/local-terminal.ts', import.meta.url).href;

/** Program that imports the module and runs a script. */
const program = (script: string): [string, ...string[]] => [
  process.execPath,
  '--import',
  tsx,
  '--input-type=module',
  '--eval',
  `const { terminalSize, attachTerminal } = await import(${JSON.stringify(module)}); ${script}`,
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

const PRINT_SIZE = 'process.stdout.write(JSON.stringify(terminalSize()));';

describe('terminalSize', () => {
  it('is 80 columns and 24 rows without a terminal', () => {
    const [node, ...args] = program(PRINT_SIZE);
    const printed = execFileSync(node, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    expect(JSON.parse(printed)).to.deep.equal({ columns: 80, rows: 24 });
  });
});

const hasTerminals = ptyUnavailable() === undefined && process.platform !== 'win32';

(hasTerminals ? describe : describe.skip)('a local terminal', () => {
  it('has the size of terminalSize, also if stdout is redirected', async () => {
    const direct = onPty(program(PRINT_SIZE));
    const redirected = onPty(['sh', '-c', '"$@" | cat', 'sh', ...program(PRINT_SIZE)]);
    const sizes = await Promise.all(
      [direct, redirected].map(async ({ output }) => JSON.parse(await text(output))),
    );
    expect(sizes).to.deep.equal([
      { columns: 101, rows: 37 },
      { columns: 101, rows: 37 },
    ]);
  });

  it('is switched to raw input and output by attachTerminal, and restored', async () => {
    const script = `
      const { spawnSync } = await import('node:child_process');
      const modes = () => {
        const { stdout } = spawnSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'inherit'], encoding: 'utf8' });
        return ['icanon', 'echo', 'opost'].map(mode => new RegExp('(^| )' + mode + '\\\\b', 'm').test(stdout));
      };
      const before = modes();
      const restore = attachTerminal({ resize: async () => {} });
      const attached = modes();
      restore();
      restore();
      process.stdout.write(JSON.stringify([before, attached, modes()]));`;
    const states = JSON.parse(await text(onPty(program(script)).output));
    expect(states).to.deep.equal([
      [true, true, true],
      [false, false, false],
      [true, true, true],
    ]);
  });

  it('reports each new size to the process after attachTerminal', async () => {
    const script = `
      const restore = attachTerminal({ resize: async size => {
        process.stdout.write(JSON.stringify(size) + ';');
        restore();
        process.stdin.unref();
      } });
      setInterval(() => {}, 1000).unref();
      process.stdin.resume();
      process.stdout.write('ready;');`;
    const child = onPty(program(script));
    let printed = '';
    for await (const chunk of child.output) {
      printed += chunk;
      if (printed === 'ready;') child.resize({ columns: 55, rows: 22 });
    }
    expect(printed).to.equal('ready;{"columns":55,"rows":22};');
  });
});

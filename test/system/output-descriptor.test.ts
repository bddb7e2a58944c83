import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const module = new URL('../../src/system/output-descriptor.ts', import.meta.url).href;

const SIZE = 4 * 1024 * 1024;

/** A process that opens its stdout, writes more than a pipe holds, and then says on stderr that it goes on. */
const writer = (stdout: 'pipe' | number) =>
  spawn(
    process.execPath,
    [
      '--import',
      tsx,
      '--input-type=module',
      '--eval',
      `const { openOutput } = await import(${JSON.stringify(module)});
       openOutput('stdout').write(Buffer.alloc(${SIZE}, 'x'));
       process.stderr.write('goes on');`,
    ],
    { stdio: ['ignore', stdout, 'pipe'] },
  );

describe('openOutput', () => {
  it('lets the process continue while its pipe has no reader, and loses nothing', async () => {
    const child = writer('pipe');
    const [said] = await once(child.stderr as NodeJS.ReadableStream, 'data');
    expect(String(said)).to.equal('goes on');
    let bytes = 0;
    for await (const chunk of child.stdout as NodeJS.ReadableStream) bytes += chunk.length;
    expect(bytes).to.equal(SIZE);
  });

  it('writes to a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'exec-server-'));
    const file = join(directory, 'output');
    const descriptor = openSync(file, 'w');
    const [code] = await once(writer(descriptor), 'close');
    closeSync(descriptor);
    expect([code, readFileSync(file).length]).to.deep.equal([0, SIZE]);
    rmSync(directory, { recursive: true });
  });
});

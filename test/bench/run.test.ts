import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Result } from '../../bench/support/result.ts';
import { programPath } from '../e2e/support/program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** `npm run bench` without the build. */
const bench = async (...args: readonly string[]) => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/run.ts', ...args], { cwd: root });
  child.stdin.end();
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, stdout, stderr };
};

describe('npm run bench', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'exec-server-bench-test-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('measures floor, server and peer in every round, with both framings, and writes a result and a plot', async () => {
    const names = ['start-up', 'keystroke', 'output'];
    const peer = `lines=ndjson:${process.execPath} ${programPath} --stdio`;
    const { code, stdout, stderr } = await bench(
      ...['--quick', '--only', names.join(','), '--rounds', '2', '--out', directory, '--peer', peer],
    );
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    for (const name of names) {
      expect(stdout).to.include(`${name}: `);
      const result: Result = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'));
      expect(result.tracks.map(track => [track.name, track.role])).to.deep.equal([
        ['floor', 'floor'],
        ['exec-server', 'ours'],
        ['lines', 'peer'],
      ]);
      const [metric] = result.metrics;
      for (const { samples } of result.tracks) {
        const values = samples[metric?.id ?? ''];
        expect(values).to.have.lengthOf(2);
        for (const value of values ?? []) expect(value).to.be.above(0);
      }
      const svg = readFileSync(join(directory, `${name}.svg`), 'utf8');
      expect(svg).to.match(/^<svg [^>]*>.*<\/svg>\n$/s);
      expect(svg)
        .to.include('exec-server')
        .and.to.include('lines')
        .and.to.not.match(/NaN|undefined/);
      expect(svg, 'directories of this machine').to.not.include(root);
    }
    expect(readdirSync(directory)).to.have.lengthOf(2 * names.length);
  });

  it('continues without a peer that fails, and reports why', async () => {
    const { code, stdout, stderr } = await bench(
      ...[
        '--quick',
        '--only',
        'many-at-once',
        '--rounds',
        '1',
        '--peer',
        'gone=lsp:/nowhere/server',
        '--json',
      ],
    );
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const [result] = JSON.parse(stdout) as Result[];
    expect(result?.notes).to.have.lengthOf(1);
    expect(result?.notes[0]).to.match(/^gone could not be measured: .*ENOENT/);
    expect(result?.tracks.map(({ samples }) => Object.keys(samples))).to.deep.equal([
      ['perSecond'],
      ['perSecond'],
      [],
    ]);
  });

  it('refuses unknown options and prints the usage', async () => {
    const { code, stdout, stderr } = await bench('--only', 'warp-speed');
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    expect(stderr).to.match(/^--only: expected start-up, .*; got warp-speed\nusage: /s);
  });
});

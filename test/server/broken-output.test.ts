import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { expect } from 'chai';
import { currentHost, serve } from '../../src/server/index.ts';
import { rawFrame } from '../e2e/support/raw-client.ts';
import { waitForNoSurvivorsIn } from '../e2e/support/survivors.ts';

const PATH = process.env.PATH ?? '/usr/bin:/bin';

(process.platform === 'linux' ? describe : describe.skip)(
  'serve, when its client stops reading for good',
  () => {
    let directory: string;
    let tempDir: string;

    beforeEach(() => {
      directory = realpathSync(mkdtempSync(join(tmpdir(), 'broken-output-test-')));
      tempDir = realpathSync(mkdtempSync(join(tmpdir(), 'broken-output-test-')));
    });

    afterEach(() => {
      for (const each of [directory, tempDir]) rmSync(each, { recursive: true });
    });

    /** Serves a client that starts a flood and is gone after so many bytes; returns the log. */
    const servedUntil = async (bytes: number) => {
      const input = new PassThrough();
      const output = new BreakingPipe(bytes);
      const log: string[] = [];
      const host = { ...currentHost({ PATH }, () => {}), tempDir };
      const { closed } = serve({ input, output, host, log: line => log.push(line) });
      const send = (message: object) => input.write(rawFrame(JSON.stringify({ jsonrpc: '2.0', ...message })));
      const start = (id: number, script: string) =>
        send({
          id,
          method: 'process/start',
          params: {
            processId: String(id),
            argv: ['sh', '-c', script],
            cwd: directory,
            env: { PATH },
            killGraceMs: 50,
          },
        });
      send({ id: 1, method: 'initialize', params: { clientName: 'broken' } });
      send({ method: 'initialized' });
      start(2, 'trap "" TERM HUP; while :; do sleep 1; done');
      start(3, 'exec yes');
      return { bytes, reason: await closed, written: output.taken, log };
    };

    it('ends once, with one line, and leaves no child behind, wherever in a frame that happens', async () => {
      // In the header and the body of the first answer, and among the answers and the output that follow.
      const places = [0, 7, 300, 3000, 40_000, 250_000];
      const ends = await Promise.all(places.map(servedUntil));
      expect(ends).to.deep.equal(
        places.map(bytes => ({
          bytes,
          reason: 'the connection was closed',
          written: bytes,
          log: ['connection error: write EPIPE'],
        })),
      );
      await waitForNoSurvivorsIn(directory);
      expect(readdirSync(tempDir)).to.deep.equal([]);
    });
  },
);

/** Takes so many bytes, then has no reader any more. */
class BreakingPipe extends Writable {
  taken = 0;
  readonly #end: number;

  constructor(end: number) {
    super();
    this.#end = end;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.taken += Math.min(chunk.length, this.#end - this.taken);
    if (this.taken < this.#end) setImmediate(done);
    else done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  }
}

import { setTimeout as delay } from 'node:timers/promises';
import { answersToStep } from './expected-answers.ts';
import { asObject, encodeMessage, encodeStep, FrameReader } from './frames.ts';
import type { Jail } from './jail.ts';
import { Oracle } from './oracle.ts';
import type { Framing, Step } from './script.ts';
import { StallClock } from './stall-clock.ts';

type Answer = Readonly<Record<string, unknown>>;

/** Sends the steps of a script to a server, checks all that it receives, and measures the latency of probes. */
export class Client {
  readonly oracle: Oracle;
  /** The number of messages and other pieces sent. */
  sent = 0;
  slowestMs = 0;
  /** The handles of open files. */
  readonly handles = new Set<string>();
  readonly #jail: Jail;
  readonly #framing: Framing;
  readonly #reader: FrameReader;
  readonly #clock: StallClock;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  #calls = 0;
  #broken = false;
  #swallowing = false;

  constructor(jail: Jail, framing: Framing) {
    this.#jail = jail;
    this.#framing = framing;
    this.#reader = new FrameReader(framing);
    this.#clock = new StallClock(jail.serverPid);
    this.oracle = new Oracle(framing, (id, answer) => {
      const handleId = asObject(answer.result)?.handleId;
      if (typeof handleId === 'string') this.handles.add(handleId);
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
    jail.stdout.on('data', (chunk: Buffer) => this.#received(chunk));
  }

  /** True while the server can receive more. */
  get open(): boolean {
    return this.#jail.end === undefined && !this.#broken && !this.#swallowing;
  }

  /** True if the server closed the connection because it found no header. */
  get mayBeLost(): boolean {
    return this.#jail.stderr.includes('cannot read from the connection any more');
  }

  async send(step: Step): Promise<void> {
    if ('probe' in step) return this.probe();
    this.sent += 1;
    const { ledger } = this.oracle;
    const bytes = encodeStep(step, this.#framing);
    if ('bytes' in step) ledger.corrupted();
    else ledger.sent(answersToStep(step, this.#framing));
    const cuts = (step.cuts ?? []).map(cut => Math.floor(cut * bytes.length));
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      await this.#write(bytes.subarray(from, to));
      from = to;
    }
    // A frame announced as longer than all padding swallows everything after it.
    this.#swallowing = 'bytes' in step && longestAnnounced(bytes) > PADDING_BYTES;
  }

  /** Sends a request of the fuzzer and waits for its answer; `undefined` if the server exits instead. */
  async call(method: string, params: object = {}): Promise<Answer | undefined> {
    const id = `call-${++this.#calls}`;
    return this.#ask({ jsonrpc: '2.0', id, method, params });
  }

  /** Requests the status of the server, which it must answer within a second. */
  async probe(): Promise<void> {
    if (this.oracle.ledger.outOfSync && !(await this.#resync())) return;
    const measure = this.#clock.start();
    const late = delay(HANG_MS, LATE, { ref: false });
    const answer = await Promise.race([this.call('server/status'), late]);
    const { ms, runningMs } = measure();
    this.slowestMs = Math.max(this.slowestMs, ms);
    if (answer === LATE) {
      this.#broken = true;
      this.#report(
        'hang',
        `no answer for ${HANG_MS} ms, of which the server ran for ${Math.round(runningMs)}`,
      );
    } else if (ms > STALL_MS) {
      this.#report(
        'stall',
        `no answer for ${Math.round(ms)} ms, of which the server ran for ${Math.round(runningMs)}`,
      );
    }
  }

  /** Requests a shutdown. False if the request cannot be sent, or is refused, as before `initialize`. */
  async shutDown(): Promise<boolean> {
    if (this.oracle.ledger.outOfSync && !(await this.#resync())) return false;
    if (!this.open) return false;
    const late = delay(HANG_MS, LATE, { ref: false });
    const answer = await Promise.race([this.call('shutdown'), late]);
    if (answer === LATE) this.#report('hang', `no answer to shutdown for ${HANG_MS} ms`);
    return answer !== LATE && answer?.error === undefined;
  }

  /** Stops reading the output of the server. */
  breakPipe(): void {
    this.#broken = true;
    this.#jail.stdout.destroy();
    this.#jail.stdin.end(encodeMessage({ id: 'unread', method: 'server/status' }, this.#framing));
  }

  /** Checks for incomplete frames, and stderr. */
  finish(): void {
    if (this.#reader.unread > 0 && !this.#broken && this.#jail.end !== 'SIGKILL') {
      this.#report('frame', `${this.#reader.unread} bytes at the end are not a frame`);
    }
    this.oracle.logged(this.#jail.stderr);
  }

  /** Sends more and more padding until the server answers: a corrupted length swallows that many bytes. */
  async #resync(): Promise<boolean> {
    for (let size = 16, total = 0; total <= PADDING_BYTES + MIB && this.open; size *= 2) {
      const id = `call-${++this.#calls}`;
      const pad = 'x'.repeat(size);
      total += size;
      if (this.#framing === 'newline') await this.#write(Buffer.from('\n'));
      const asked = this.#ask({ jsonrpc: '2.0', id, method: 'server/status', params: { pad } });
      if ((await Promise.race([asked, delay(RESYNC_MS, LATE, { ref: false })])) === LATE) continue;
      this.oracle.ledger.synchronized();
      return this.open;
    }
    if (!this.open || this.mayBeLost) return false;
    this.#broken = true;
    this.#report('resync', `no answer after ${PADDING_BYTES + MIB} more bytes`);
    return false;
  }

  async #ask(message: {
    readonly id: string;
    readonly method: string;
    readonly [more: string]: unknown;
  }): Promise<Answer | undefined> {
    const id = JSON.stringify(message.id);
    const answered = new Promise<Answer>(resolve => this.#waiting.set(id, resolve));
    this.oracle.ledger.sent([{ batch: false, answers: [{ ids: [id], method: message.method }] }]);
    await this.#write(encodeMessage(message, this.#framing));
    return Promise.race([answered, this.#jail.ended.then(() => undefined)]);
  }

  async #write(bytes: Buffer): Promise<void> {
    const written = new Promise<void>(resolve => this.#jail.stdin.write(bytes, () => resolve()));
    const late = delay(HANG_MS, LATE, { ref: false });
    if ((await Promise.race([written, this.#jail.ended, late])) !== LATE) return;
    this.#broken = true;
    this.#report('hang', `the server did not read for ${HANG_MS} ms`);
  }

  #received(chunk: Buffer): void {
    try {
      for (const received of this.#reader.push(chunk)) this.oracle.received(received);
    } catch (error) {
      if (this.#broken) return;
      this.#broken = true;
      this.#report(
        'frame',
        `${error instanceof Error ? error.message : error}: ${chunk.toString('latin1').slice(0, 200)}`,
      );
    }
  }

  #report(kind: string, text: string): void {
    this.oracle.findings.push({ kind, text });
  }
}

const LATE = Symbol('late');
const MIB = 1024 * 1024;
const STALL_MS = 1000;
const HANG_MS = 30_000;
const RESYNC_MS = 200;
const PADDING_BYTES = MIB;

const longestAnnounced = (bytes: Buffer): number =>
  Math.max(
    0,
    ...Array.from(bytes.toString('latin1').matchAll(/content-length:\s*(\d+)/gi), ([, length]) =>
      Number(length),
    ),
  );

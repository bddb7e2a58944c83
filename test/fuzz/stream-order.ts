type Process = { seq: number; exited: boolean; readonly bytes: Record<string, number> };

/** Checks that notifications about a process arrive in order and without gaps, and that the counts of bytes are right. */
export class StreamOrder {
  readonly #processes = new Map<string, Process>();
  readonly #report: (kind: string, text: string) => void;

  constructor(report: (kind: string, text: string) => void) {
    this.#report = report;
  }

  /** The last `seq` of each process that is not closed. */
  get unclosed(): ReadonlyArray<readonly [processId: string, seq: number]> {
    return [...this.#processes].map(([processId, { seq }]) => [processId, seq]);
  }

  notified(method: string, params: Readonly<Record<string, unknown>>): void {
    const { processId, seq } = params;
    if (typeof processId !== 'string' || typeof seq !== 'number') return;
    const process = this.#processes.get(processId) ?? { seq: 0, exited: false, bytes: {} };
    this.#processes.set(processId, process);
    process.seq += 1;
    if (seq !== process.seq)
      this.#report('order', `${method} of ${processId}: seq ${seq}, expected ${process.seq}`);
    if (method === 'process/output') this.#output(process, params);
    if (method === 'process/exited') {
      if (process.exited) this.#report('order', `${processId} exited twice`);
      process.exited = true;
    }
    if (method === 'process/closed') this.#closed(processId, process, params);
  }

  #output({ bytes }: Process, { stream, chunk }: Readonly<Record<string, unknown>>): void {
    const name = String(stream);
    bytes[name] = (bytes[name] ?? 0) + Buffer.from(String(chunk), 'base64').length;
  }

  #closed(processId: string, process: Process, { bytes }: Readonly<Record<string, unknown>>): void {
    this.#processes.delete(processId);
    if (!process.exited) this.#report('order', `${processId} was closed before it exited`);
    for (const [stream, total] of Object.entries(bytes ?? {})) {
      const sent = process.bytes[stream] ?? 0;
      if (total !== sent)
        this.#report(
          'order',
          `${processId}: ${sent} bytes of ${stream} received, process/closed reports ${total}`,
        );
    }
  }
}

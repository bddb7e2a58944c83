/** A start that may still wait, for an environment or a sandbox; only while it waits can it be cancelled. */
export class PendingStart {
  #cancel: ((reason: Error) => void) | undefined;

  /** Waits for a promise. Rejects with the reason as soon as the start is cancelled. */
  async waitFor<Value>(promise: Promise<Value>): Promise<Value> {
    const cancelled = new Promise<never>((_, reject) => {
      this.#cancel = reject;
    });
    try {
      return await Promise.race([promise, cancelled]);
    } finally {
      this.#cancel = undefined;
    }
  }

  /** Cancels the start if it waits; otherwise it continues. */
  cancel(reason: Error): void {
    this.#cancel?.(reason);
  }
}

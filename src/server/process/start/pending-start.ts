/** A start that isn't decided yet. Only while it waits for something can it be called off. */
export class PendingStart {
  #callOff: ((reason: Error) => void) | undefined;

  /** Waits for something. Rejects with the reason as soon as the start is called off. */
  async waitFor<Value>(something: Promise<Value>): Promise<Value> {
    const calledOff = new Promise<never>((_, reject) => {
      this.#callOff = reject;
    });
    try {
      return await Promise.race([something, calledOff]);
    } finally {
      this.#callOff = undefined;
    }
  }

  /** Nothing happens, and the start goes on, unless it waits. */
  callOff(reason: Error): void {
    this.#callOff?.(reason);
  }
}

/** Messages that a client has not read yet. */
export type Backlog = {
  readonly queuedBytes: number;
  /** Resolves when the client has read what is queued now, or never will. */
  flushed(): Promise<void>;
};

/** Returns a function that runs `callback` after the next flush. Calls before that flush are merged into one. */
export const afterFlush = (backlog: Backlog, callback: () => void): (() => void) => {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    void backlog.flushed().then(() => {
      waiting = false;
      callback();
    });
  };
};

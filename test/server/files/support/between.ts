/** A signal that calls `act` once, when it is checked between two steps of an operation and `due` returns true. */
export const between = (due: () => boolean, act: () => void): AbortSignal => {
  const { signal } = new AbortController();
  let done = false;
  signal.throwIfAborted = () => {
    if (done || !due()) return;
    done = true;
    act();
  };
  return signal;
};

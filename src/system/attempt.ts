/** Returns the result of a function, or `undefined` if it throws: for looking at files that may be absent. */
export const attempt = <Result>(act: () => Result): Result | undefined => {
  try {
    return act();
  } catch {
    return undefined;
  }
};

/** A promise and the functions that settle it, as `Promise.withResolvers` of Node 22 returns. */
export type Deferred<Value> = {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: Error): void;
};

/** Creates a promise that is settled from outside. Its rejection is never reported as unhandled. */
export const deferred = <Value>(): Deferred<Value> => {
  let resolve: Deferred<Value>['resolve'] = () => {};
  let reject: Deferred<Value>['reject'] = () => {};
  const promise = new Promise<Value>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
};

/** Returns the path of the bundle that runs; `undefined` if the code runs as separate modules. */
export const bundlePath = (): string | undefined =>
  // The build replaces `import.meta.url` by `undefined`.
  (import.meta.url as string | undefined) === undefined ? __filename : undefined;

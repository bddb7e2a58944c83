// Part of the launcher, which an old Node runs: no function newer than Node 8.

/** The supported versions of Node, for messages; also in package.json and README.md. */
export const SUPPORTED_NODE = 'Node 20.19, 22.3 or later';

/** Returns true for a version of Node that has `process.getBuiltinModule`, and runs the dependencies. */
export const isSupportedNode = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === 20) return minor >= 19;
  return major === 22 ? minor >= 3 : major > 22;
};

/** An environment for `spawn`. Node adds its own NODE_V8_COVERAGE to an environment that does not name it. */
export const exactEnv = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  NODE_V8_COVERAGE: undefined,
  ...env,
});

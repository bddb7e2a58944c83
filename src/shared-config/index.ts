export { buildEnv, type EnvInput, type TracedEnv, traceEnv } from './build-env.ts';
export { type Env, type Platform, platformOf } from './env.ts';
export { countDecisions, type EnvCounts, type EnvDecision } from './env-decision.ts';
export { applyOverlay, EnvOverlay } from './env-overlay.ts';
export { applyEnvPolicy, DEFAULT_EXCLUDES, EnvPolicy } from './env-policy.ts';
export { type EnvExplanation, explainNames } from './explain-names.ts';
export { MAX_PATTERN_LENGTH, MAX_PATTERNS, MAX_VARIABLES } from './limits.ts';

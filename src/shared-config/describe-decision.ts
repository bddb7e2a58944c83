import type { EnvRemoved } from './env-decision.ts';
import type { EnvExplanation } from './explain-names.ts';

/** Says in words why a name is as it is: what goes behind its outcome. Empty where that says it all. */
export const describeReason = (explanation: EnvExplanation): string => {
  switch (explanation.outcome) {
    case 'kept':
      return explanation.by === undefined ? '' : PAST_OVERLAY;
    case 'set':
      return SETTERS[explanation.by] ?? `by ${explanation.by}`;
    case 'removed':
      return describeRemoval(explanation);
    case 'absent':
      return '';
  }
};

const PAST_OVERLAY = 'by keepLocale, whatever the overlay says';

// What a newer server tells of is told as it is.
const SETTERS: Readonly<Record<string, string>> = {
  policy: 'by the policy',
  overlay: 'by the overlay',
  platform: "by the platform's default",
};

const describeRemoval = ({ by, pattern }: EnvRemoved): string => {
  switch (by) {
    case 'defaultExcludes':
      return `by default exclude pattern ${pattern}`;
    case 'exclude':
      return `by exclude pattern ${pattern}`;
    case 'secretValue':
      return `by secretValues: ${pattern}`;
    case 'overlay':
      return 'by the overlay';
    case 'keepLocale':
      return PAST_OVERLAY;
    default:
      return `by ${by}`;
  }
};

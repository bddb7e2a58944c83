import type { EnvRemoved } from './env-decision.ts';
import type { EnvExplanation } from './explain-names.ts';

/** Describes the reason of an outcome, to follow it in a message. Empty if the outcome needs none. */
export const describeReason = (explanation: EnvExplanation): string => {
  switch (explanation.outcome) {
    case 'kept':
      return explanation.by === undefined ? '' : DESPITE_OVERLAY;
    case 'set':
      return SETTERS.get(explanation.by) ?? `by ${explanation.by}`;
    case 'removed':
      return describeRemoval(explanation);
    case 'absent':
      return '';
  }
};

const DESPITE_OVERLAY = 'by keepLocale, whatever the overlay says';

// A setter that only a newer server knows is shown as received.
const SETTERS: ReadonlyMap<string, string> = new Map([
  ['policy', 'by the policy'],
  ['overlay', 'by the overlay'],
  ['platform', "by the platform's default"],
]);

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
      return DESPITE_OVERLAY;
    case 'toolCall':
      return 'because it belongs to one tool call';
    case 'withheld':
      return 'because no process may have it';
    default:
      return `by ${by}`;
  }
};

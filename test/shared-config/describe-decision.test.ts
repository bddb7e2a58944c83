import { expect } from 'chai';
import { describeReason } from '../../src/shared-config/describe-decision.ts';
import type { EnvExplanation } from '../../src/shared-config/explain-names.ts';

const removed = (
  by: Extract<EnvExplanation, { outcome: 'removed' }>['by'],
  pattern?: string,
): EnvExplanation => ({
  outcome: 'removed',
  by,
  ...(pattern !== undefined && { pattern }),
});

describe('describeReason', () => {
  const reasons: Array<[explanation: EnvExplanation, reason: string]> = [
    [{ outcome: 'kept' }, ''],
    [{ outcome: 'kept', by: 'keepLocale' }, 'by keepLocale, whatever the overlay says'],
    [{ outcome: 'set', by: 'policy' }, 'by the policy'],
    [{ outcome: 'set', by: 'overlay' }, 'by the overlay'],
    [{ outcome: 'set', by: 'platform' }, "by the platform's default"],
    [removed('inherit'), 'by inherit'],
    [removed('defaultExcludes', '*KEY*'), 'by default exclude pattern *KEY*'],
    [removed('exclude', 'A*'), 'by exclude pattern A*'],
    [removed('secretValue', 'url-password'), 'by secretValues: url-password'],
    [removed('includeOnly'), 'by includeOnly'],
    [removed('overlay'), 'by the overlay'],
    [removed('keepLocale'), 'by keepLocale, whatever the overlay says'],
    [{ outcome: 'absent' }, ''],
    // Of a server that knows more.
    [{ outcome: 'set', by: 'newer' } as unknown as EnvExplanation, 'by newer'],
    [{ outcome: 'removed', by: 'newer' } as unknown as EnvExplanation, 'by newer'],
  ];
  for (const [explanation, reason] of reasons) {
    it(`says ${JSON.stringify(reason)} behind ${JSON.stringify(explanation)}`, () => {
      expect(describeReason(explanation)).to.equal(reason);
    });
  }
});

import fc from 'fast-check';
import { type Corruption, corruption } from './corruption.ts';
import { encodeStep } from './frames.ts';
import { burst, type Sent, sent } from './messages.ts';
import { ENDS, FRAMINGS, type Framing, type Script, type Step } from './script.ts';
import { session } from './sessions.ts';

/** The script of a seed: the same seed and framing give the same script. */
export const scriptOf = (seed: number, framing: Framing): Script => {
  const [script] = fc.sample(scripts(framing), {
    seed: seed * FRAMINGS.length + FRAMINGS.indexOf(framing),
    numRuns: 1,
  });
  if (script === undefined) throw new Error('fast-check returned no script');
  return script;
};

const scripts = (framing: Framing): fc.Arbitrary<Script> =>
  fc
    .record({
      early: fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: few }),
      opening: fc.oneof(
        { weight: 6, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.constant({ outputWindowBytes: 65_536 }) },
        { weight: 1, arbitrary: fc.constant({ retainedMs: 0, retainedBytes: 0 }) },
      ),
      sent: fc.array(
        fc.oneof(
          { weight: 60, arbitrary: sent.map(step => [step]) },
          { weight: 1, arbitrary: burst },
          { weight: 8, arbitrary: session.map(messages => messages.map((message): Sent => ({ message }))) },
        ),
        { minLength: 10, maxLength: 60, size: 'max' },
      ),
      cuts: fc.infiniteStream(cuts),
      // Corrupts bytes of some scripts, whose answers cannot be checked as strictly.
      corruption: fc.oneof(
        { weight: 2, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.infiniteStream(fc.option(corruption, { freq: 4, nil: undefined })) },
      ),
      settle: fc.boolean(),
      end: fc.constantFrom(...ENDS),
    })
    .map(({ early, opening, sent, cuts, corruption, settle, end }) => {
      const steps = sent
        .flat()
        .map(step => corrupted({ ...step, ...cuts.next().value }, framing, corruption));
      return { framing, settle, end, steps: [...early, ...open(framing, opening), ...withProbes(steps)] };
    });

const few = fc.array(sent.filter(startsAsMessage), { minLength: 1, maxLength: 4 });

// The first byte of a connection decides its framing.
function startsAsMessage(step: Sent): boolean {
  return 'message' in step && typeof step.message === 'object' && step.message !== null;
}

const cuts = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 })
      .map(cuts => ({ cuts: cuts.toSorted((one, other) => one - other) })),
  },
);

const open = (framing: Framing, more: object): Step[] => [
  {
    message: {
      jsonrpc: '2.0',
      id: 'initialize',
      method: 'initialize',
      params: { clientName: 'fuzz', binaryFrames: framing === 'binary', ...more },
    },
  },
  { message: { jsonrpc: '2.0', method: 'initialized' } },
  { probe: true },
];

const corrupted = (
  step: Step,
  framing: Framing,
  corruption: Iterator<Corruption | undefined> | undefined,
): Step => {
  const change: Corruption | undefined = corruption?.next().value;
  if (change === undefined) return step;
  const frame = encodeStep(step, framing);
  return frame.length > MAX_CORRUPTED_BYTES ? step : { bytes: change(frame).toString('base64') };
};

// A corrupted length is then covered by the padding that can be sent after it.
const MAX_CORRUPTED_BYTES = 9000;

const withProbes = (steps: readonly Step[]): Step[] =>
  steps.flatMap((step, at) =>
    at % PROBE_INTERVAL === PROBE_INTERVAL - 1 ? [step, { probe: true } as const] : [step],
  );

const PROBE_INTERVAL = 12;

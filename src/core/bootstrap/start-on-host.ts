import type { Readable, Writable } from 'node:stream';
import { settledWithin } from '../../system/deadline.ts';
import type { HostCommand } from './host-command.ts';
import { HostDialogue, type HostLine } from './host-dialogue.ts';
import { hostFacts } from './host-facts.ts';
import { hostInstaller, packagedServer } from './packaged-files.ts';
import { type RuntimeOptions, runtimeFor } from './runtime/runtime.ts';
import { terminalFiles } from './terminal-files.ts';
import { type OnProgress, sendRuntime, sendServer } from './upload.ts';

/** Options of an installation on a host. */
export type BootstrapOptions = {
  /** Directory of downloaded and packed files. Default: `exec-server-client` in the user's cache directory. */
  readonly cacheDirectory?: string | undefined;
  /** Called while something is sent to the host. */
  readonly onProgress?: OnProgress | undefined;
};

/** The same, with what the target and the caller of `connect` decide. */
export type StartOnHostOptions = RuntimeOptions &
  Pick<BootstrapOptions, 'onProgress'> & {
    /** Called when the first byte of the host arrives. */
    readonly onFirstByte?: (() => void) | undefined;
    /** Time limit of each answer of the host, and of a stalled upload, in milliseconds. Default: none. */
    readonly answerTimeoutMs?: number | undefined;
  };

/** The end of a bootstrap that did not start a server. */
export type BootstrapFailure = {
  /** As the script reports it; `undefined` if the output of the host ended before. */
  readonly kind: string | undefined;
  readonly reason: string | undefined;
  /** Output of the host that is not from the script. */
  readonly otherOutput: Buffer;
};

/**
 * Drives the script on a host until the server runs, and sends what the host lacks.
 *
 * @param streams stdin and stdout of the command on the host; afterwards the server is at the other end
 * @returns the reason if there is no server
 */
export const startOnHost = async (
  { input, output }: { readonly input: Readable; readonly output: Writable },
  { script, nonce }: HostCommand,
  options: StartOnHostOptions,
): Promise<BootstrapFailure | undefined> => {
  const dialogue = new HostDialogue(input, nonce, options.onFirstByte);
  output.write(script);
  for (;;) {
    const next = dialogue.next();
    const failure = (await isLate(next, options)) ?? (await answer(await next, output, options));
    if (failure === 'ready') return undefined;
    if (failure === undefined) continue;
    input.resume();
    return { ...failure, otherOutput: dialogue.otherOutput };
  }
};

type Failure = Pick<BootstrapFailure, 'kind' | 'reason'>;

const isLate = async (
  next: Promise<unknown>,
  { answerTimeoutMs }: StartOnHostOptions,
): Promise<Failure | undefined> => {
  if (answerTimeoutMs === undefined || (await settledWithin(next, answerTimeoutMs)) === 'settled')
    return undefined;
  return { kind: 'late', reason: `no answer of the host within ${answerTimeoutMs / 1000} s` };
};

const answer = async (
  line: HostLine | undefined,
  output: Writable,
  options: StartOnHostOptions,
): Promise<Failure | 'ready' | undefined> => {
  if (line === undefined) return { kind: undefined, reason: undefined };
  if (line.word === 'failed') return { kind: line.kind, reason: line.text };
  if (line.word !== 'need') return 'ready';
  const facts = hostFacts(line.facts);
  // Writes fail when the host has ended; the next line is then its reason, or the end of the stream.
  const sent = async (sending: Promise<void>): Promise<undefined> => void (await sending.catch(() => {}));
  if (line.part === 'runtime') {
    const runtime = await runtimeFor(facts, options);
    if ('unavailable' in runtime) return { kind: 'noRuntime', reason: runtime.unavailable };
    return sent(sendRuntime(output, runtime, options));
  }
  const { files } = await packagedServer();
  const terminals = await terminalFiles(facts, options);
  return sent(sendServer(output, await hostInstaller(), [...files, ...terminals], options));
};

import { connectionFailed } from '../errors.ts';
import { StartUpOutputRecord } from '../start-up-output.ts';
import type { Target } from '../target.ts';
import { openTransport } from '../transport.ts';
import { type HostMode, hostCommand, withCommand } from './host-command.ts';
import { HostDialogue } from './host-dialogue.ts';
import type { Fact } from './host-facts.ts';

/** The installations of exec-server on a host. */
export type HostReport = {
  readonly directories: readonly string[];
  /** Directories of servers and runtimes. */
  readonly installed: readonly string[];
  /** Paths of the Node that starts use. */
  readonly runtimes: readonly string[];
};

/**
 * Returns what `connect` has installed on a host, for a target with a `shell`.
 *
 * @throws {ConnectionLostError}
 */
export const inspectHost = async (target: Target, env = process.env): Promise<HostReport> => {
  const facts = await askHost(target, 'report', env);
  return {
    directories: valuesOf(facts, 'directory'),
    installed: valuesOf(facts, 'installed'),
    runtimes: valuesOf(facts, 'runtime'),
  };
};

/**
 * Removes everything that `connect` has installed on a host, for a target with a `shell`.
 *
 * @returns the directories that were removed
 * @throws {ConnectionLostError} also if servers of the account are running there
 */
export const uninstallFromHost = async (target: Target, env = process.env): Promise<readonly string[]> =>
  valuesOf(await askHost(target, 'uninstall', env), 'removed');

const valuesOf = (facts: readonly Fact[], name: string): string[] =>
  facts.filter(fact => fact.name === name).map(({ value }) => value);

const askHost = async (target: Target, mode: HostMode, env: NodeJS.ProcessEnv): Promise<readonly Fact[]> => {
  const command = await hostCommand(mode);
  const transport = openTransport(withCommand(target, command), env);
  const dialogue = new HostDialogue(transport.input, command.nonce);
  transport.output.write(command.script);
  const line = await dialogue.next();
  transport.input.resume();
  await transport.close();
  if (line?.word === 'done') return line.facts;
  const startUpOutput = new StartUpOutputRecord();
  startUpOutput.push(dialogue.otherOutput);
  throw connectionFailed({
    task: mode === 'uninstall' ? 'uninstall from' : 'inspect',
    label: target.label,
    argv: target.argv,
    reason: line?.word === 'failed' ? line.text : undefined,
    startUpOutput,
    transport: line === undefined ? await transport.ended : undefined,
  });
};

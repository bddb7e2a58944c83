import { codexProgram } from '../../test/codex/support/install.ts';
import type { Server } from './question.ts';

/**
 * Codex's own server, as it is by default and with concurrent requests. Installs the release of Codex that the tests run
 * if it is missing.
 */
export const codexServers = (program = codexProgram()): readonly Server[] => [
  codexServer('codex', program),
  codexServer('codex-64', program, '--concurrent-requests', '64'),
];

const codexServer = (name: string, program: string, ...args: readonly string[]): Server => ({
  name,
  role: 'peer',
  framing: 'ndjson',
  argv: [program, 'exec-server', '--listen', 'stdio', ...args],
});

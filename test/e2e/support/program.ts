import { fileURLToPath } from 'node:url';

/** The path of the built program, from `npm run build`. */
export const programPath = fileURLToPath(new URL('../../../dist/exec-server.cjs', import.meta.url));

/** The path of a script in `test/e2e/fixtures`, run by Node or `sh`. */
export const fixturePath = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

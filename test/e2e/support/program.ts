import { fileURLToPath } from 'node:url';

/** The built program, as `npm run build` leaves it. */
export const programPath = fileURLToPath(new URL('../../../dist/exec-server.cjs', import.meta.url));

/** A tiny script from `test/e2e/fixtures`, to be run by Node or `sh`. */
export const fixturePath = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

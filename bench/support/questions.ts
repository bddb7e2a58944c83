import { fairShares } from '../fair-shares.ts';
import { files } from '../files.ts';
import { input } from '../input.ts';
import { keystroke } from '../keystroke.ts';
import { loginShell } from '../login-shell.ts';
import { longLinks } from '../long-links.ts';
import { manyAtOnce } from '../many-at-once.ts';
import { memory } from '../memory.ts';
import { output } from '../output.ts';
import { scale } from '../scale.ts';
import { sequential } from '../sequential.ts';
import { shortCommands } from '../short-commands.ts';
import { smallWrites } from '../small-writes.ts';
import { startUp } from '../start-up.ts';
import type { Question } from './question.ts';

/** All that can be asked, in the order in which it is. */
export const questions: readonly Question[] = [
  startUp,
  shortCommands,
  loginShell,
  manyAtOnce,
  keystroke,
  output,
  smallWrites,
  fairShares,
  input,
  files,
  longLinks,
  memory,
  scale,
  sequential,
];

// The program as it is shipped. As a server it answers the first message before it loads the rest, which is the bundle
// of main.ts, in a comment at the end of the file. To compile that takes about as long as everything else of a
// start, so the compiled code is kept for the next one.
import { Script } from 'node:vm';
import { serverArgs } from '../server/server-args.ts';
import { CodeCache } from './code-cache.ts';
import { openStdio } from './early-initialize.ts';
import { refusePidOne } from './pid-one.ts';

/** Added by the build: a function of nothing but a comment, which is the program. */
declare function PROGRAM(): void;
/** Put in by the build: digest of the program, and the replacement for the end of a comment in it. */
declare const PROGRAM_ID: string;
declare const COMMENT_END: string;

/** Time until the compiled code is kept; a program that ends earlier keeps it at its end. */
const KEEP_AFTER_MS = 1000;

type Bundle = (...scope: unknown[]) => void;

const load = (text: string): Bundle => {
  const cache = CodeCache.beside(__filename, PROGRAM_ID, process.env);
  const cachedData = cache?.read();
  const script = new Script(text, { filename: __filename, ...(cachedData && { cachedData }) });
  const isCompiled = cachedData === undefined || script.cachedDataRejected;
  if (isCompiled && cache?.isWritable()) {
    // Late, so that the functions that were compiled on the way are in it, too.
    const keep = () => {
      clearTimeout(timer);
      process.off('exit', keep);
      cache.write(script.createCachedData());
    };
    const timer = setTimeout(keep, KEEP_AFTER_MS).unref();
    process.on('exit', keep);
  }
  return script.runInThisContext() as Bundle;
};

const args = serverArgs(process.argv.slice(2));
if (args !== undefined || process.argv[2] === 'run') refusePidOne();
const opening = args && openStdio(process.env, args);
const text = PROGRAM.toString();
const program = text.slice(text.indexOf('/*') + 2, -'*/}'.length).replaceAll(COMMENT_END, '*/');
load(program)(exports, require, module, __filename, __dirname, opening);

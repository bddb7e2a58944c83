// The program as it is shipped: two bundles as text, and what runs them. To compile the second, which is that of
// main.ts, takes V8 about as long as the rest of a start, so what it made of a bundle is kept for the next time. Even to
// load that takes long, so for a server the first bundle, a small one, answers the first message before.
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { CodeCache, cacheDirectory } from './code-cache.ts';

/** What the build puts in: the first bundle, and a name for exactly this text. */
declare const OPENING_TEXT: string;
declare const OPENING_ID: string;
/** The same of the second bundle, which is the end of this file, inside a comment: a text would have to be compiled. */
declare const PROGRAM_LENGTH: number;
declare const PROGRAM_ID: string;
/** What stands in it for the end of a comment. */
declare const COMMENT_END: string;

/** A server that lives this long keeps what it compiled by then; one that ends before does so at its end. */
const KEEP_AFTER_MS = 1000;

type Bundle = (...scope: unknown[]) => void;

const directory = cacheDirectory(process.env);

const load = (text: string, id: string): Bundle => {
  const { version, arch } = process;
  const cache = directory === undefined ? undefined : new CodeCache(directory, `${id}-${version}-${arch}`);
  const cachedData = cache?.read();
  const script = new Script(text, { filename: __filename, ...(cachedData && { cachedData }) });
  if (cache !== undefined && (cachedData === undefined || script.cachedDataRejected)) {
    // Late, so that what was compiled on the way is in it, too.
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

/** What the first bundle exports. */
type FirstAnswer = { openStdio(env: NodeJS.ProcessEnv): unknown };

const open = (): unknown => {
  const module = { exports: {} };
  load(OPENING_TEXT, OPENING_ID)(module.exports, require, module, __filename, __dirname);
  return (module.exports as FirstAnswer).openStdio(process.env);
};

const asServer = ['--stdio', '--listen stdio'].includes(process.argv.slice(2).join(' '));
const opening = asServer ? open() : undefined;
const program = readFileSync(__filename, 'latin1')
  .slice(-PROGRAM_LENGTH - '*/'.length, -'*/'.length)
  .replaceAll(COMMENT_END, '*/');
load(program, PROGRAM_ID)(exports, require, module, __filename, __dirname, opening);

// The program as it is shipped: the bundle of main.ts as text, and what runs it. To compile that text takes V8
// about as long as the rest of a start, so what it made of it is kept for the next time.
import { Script } from 'node:vm';
import { CodeCache, cacheDirectory } from './code-cache.ts';

/** The bundle, and a name for exactly this text. The build puts them in. */
declare const PROGRAM_TEXT: string;
declare const PROGRAM_ID: string;

/** A server that lives this long keeps what it compiled by then; one that ends before does so at its end. */
const KEEP_AFTER_MS = 1000;

type Program = (...module: unknown[]) => void;

const directory = cacheDirectory(process.env);
const { version, arch } = process;
const cache =
  directory === undefined ? undefined : new CodeCache(directory, `${PROGRAM_ID}-${version}-${arch}`);
const cachedData = cache?.read();
const script = new Script(`(function(exports,require,module,__filename,__dirname){${PROGRAM_TEXT}\n})`, {
  filename: __filename,
  ...(cachedData && { cachedData }),
});

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

(script.runInThisContext() as Program)(exports, require, module, __filename, __dirname);

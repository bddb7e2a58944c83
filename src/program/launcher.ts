// First part of dist/exec-server.cjs. scripts/build.js puts the file together:
//
//   #!/usr/bin/env node
//   <bundle of this module>
//   function PROGRAM(){/*(function(exports,require,module,__filename,__dirname,opening){<bundle of main.ts>})*/}
//
// The program is in a comment, which Node skips when it compiles the file. A server first answers `initialize` with the
// little code of the launcher; only then is the program compiled, which takes about as long as the rest of a start. The
// compiled code is cached in a file for the next start.
import './refuse-old-node.ts';
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { serverArgs } from '../protocol/server-args.ts';
import { CodeCache } from './code-cache.ts';
import { openStdio } from './early-initialize.ts';
import { refusePidOne } from './pid-one.ts';

/** Added by the build: a function whose body is a comment with the program. */
declare function PROGRAM(): void;
/** Replaced by the build: digest of the program, and the escape for the end of a comment within it. */
declare const PROGRAM_ID: string;
declare const COMMENT_END: string;

/** Time after which the compiled code is written to the cache; at the latest this happens at the exit. */
const WRITE_AFTER_MS = 1000;

type Bundle = (...scope: unknown[]) => void;

const programText = (): string => {
  const text = PROGRAM.toString();
  return text.slice(text.indexOf('/*') + 2, -'*/}'.length).replaceAll(COMMENT_END, '*/');
};

const load = (text: string, filename: string, id: string): Bundle => {
  const cache = CodeCache.nextTo(filename, id, process.env);
  const cachedData = cache?.read();
  const script = new Script(text, { filename, ...(cachedData && { cachedData }) });
  const isCompiled = cachedData === undefined || script.cachedDataRejected;
  if (isCompiled && cache?.isWritable()) {
    // Later, so that it has the functions that are compiled when they are first called.
    const write = () => {
      clearTimeout(timer);
      process.off('exit', write);
      cache.write(script.createCachedData());
    };
    const timer = setTimeout(write, WRITE_AFTER_MS).unref();
    process.on('exit', write);
  }
  return script.runInThisContext() as Bundle;
};

/** The same as `require`, with cached code for the command line, which takes longer to compile than the server. */
const requireCached = (name: string): unknown => {
  if (name !== COMMAND_LINE) return require(name);
  const path = require.resolve(name);
  const text = readFileSync(path, 'utf8');
  const loaded = { exports: {} };
  const wrapped = `(function(exports,require,module,__filename,__dirname){${text}\n})`;
  // Loaded here: a server has not needed it yet.
  const id = process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex');
  load(wrapped, path, id)(loaded.exports, require, loaded, path, __dirname);
  return loaded.exports;
};

/** Written by the build in place of cli/main.ts. */
const COMMAND_LINE = './exec-server-cli.cjs';

const args = serverArgs(process.argv.slice(2));
if (args !== undefined || process.argv[2] === 'run') refusePidOne();
const opening = args && openStdio(process.env, args);
load(programText(), __filename, PROGRAM_ID)(exports, requireCached, module, __filename, __dirname, opening);

// Installs the server on a host. It is built to one line of JavaScript, which the script in
// core/bootstrap/host-script.sh runs there: node -e INSTALLER DIRECTORY NAME NONCE. stdin has a line of JSON, an
// `InstallationManifest`, and then the files, one after another, packed by gzip.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { InstallationManifest } from '../protocol/installation.ts';

const UNUSED_MS = 30 * 24 * 60 * 60 * 1000;

/** Time limit of the first start of a server, in milliseconds. */
const FIRST_START_MS = 60_000;

const PROGRAM = 'dist/exec-server.cjs';

class InstallError extends Error {
  readonly kind: 'damaged' | 'doesNotRun' | 'notWritten' | 'cut';

  constructor(kind: InstallError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

const install = (directory: string, name: string, nonce: string): void => {
  const made = join(directory, `.new-${hostname()}-${process.pid}-${nonce}`);
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  writeFiles(made);
  startOnce(made);
  activate(made, join(directory, name));
  writeFileSync(join(directory, 'used', name), '');
  try {
    removeLeftovers(directory);
    removeUnused(directory, name);
  } catch {
    // Another installation removes the same; the next one removes the rest.
  }
};

const writeFiles = (made: string): void => {
  const manifest: InstallationManifest = JSON.parse(readLine());
  const packed = readExactly(manifest.packedBytes);
  const content = unpacked(packed);
  let at = 0;
  for (const { path, mode, bytes, sha256 } of manifest.files) {
    const data = content.subarray(at, at + bytes);
    at += bytes;
    const found = createHash('sha256').update(data).digest('hex');
    if (found !== sha256) {
      throw new InstallError('damaged', `received ${path} with SHA-256 ${found}, expected ${sha256}`);
    }
    const file = join(made, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, data, { flush: true });
    chmodSync(file, mode);
  }
};

const unpacked = (packed: Buffer): Buffer => {
  try {
    return gunzipSync(packed);
  } catch (error) {
    throw new InstallError('damaged', `received a damaged server: ${(error as Error).message}`);
  }
};

/** Starts the server and waits for its answer: nothing is activated that has not run here. */
const startOnce = (made: string): void => {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { clientName: 'install' },
  });
  const { stdout, stderr, error } = spawnSync(process.execPath, [join(made, PROGRAM), '--stdio'], {
    input: `Content-Length: ${body.length}\r\n\r\n${body}`,
    encoding: 'utf8',
    timeout: FIRST_START_MS,
    killSignal: 'SIGKILL',
  });
  if (stdout?.includes('"sessionId"')) return;
  throw new InstallError('doesNotRun', `the server does not start: ${error?.message ?? stderr}`);
};

const activate = (made: string, directory: string): void => {
  try {
    renameSync(made, directory);
  } catch (error) {
    // Another client installed the same version in the meantime.
    if (!existsSync(join(directory, PROGRAM))) throw error;
  }
};

/** Removes what was not completed by processes of this host that have ended. */
const removeLeftovers = (directory: string): void => {
  const prefix = `.new-${hostname()}-`;
  for (const name of readdirSync(directory).filter(name => name.startsWith(prefix))) {
    const [pid] = name.slice(prefix.length).split('-');
    if (!isAlive(Number(pid))) rmSync(join(directory, name), { recursive: true, force: true });
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/**
 * Removes the versions and runtimes that were not used for 30 days before the current version was, and do not run. All
 * these times are from the clock of the file system.
 */
const removeUnused = (directory: string, current: string): void => {
  const running = commandLines();
  const lastUse = statSync(join(directory, 'used', current)).mtimeMs;
  const isUnused = (path: string, marker: string) =>
    lastUse - statSync(marker).mtimeMs > UNUSED_MS && !running.includes(`${path}/`);
  for (const name of readdirSync(join(directory, 'used')).filter(name => name !== current)) {
    const version = join(directory, name);
    const marker = join(directory, 'used', name);
    if (!isUnused(version, marker)) continue;
    rmSync(version, { recursive: true, force: true });
    rmSync(marker, { force: true });
  }
  const chosen = readdirSync(directory)
    .filter(name => name.startsWith('runtime-'))
    .map(name => readFileSync(join(directory, name), 'utf8'));
  for (const name of readdirSync(join(directory, 'runtimes'))) {
    const runtime = join(directory, 'runtimes', name);
    if (chosen.some(text => text.startsWith(`${runtime}/`)) || !isUnused(runtime, runtime)) continue;
    rmSync(runtime, { recursive: true, force: true });
  }
};

/** The command lines of all processes of this host, as far as they can be read. */
const commandLines = (): string => {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-axo', 'command='], { encoding: 'utf8' }).stdout ?? '';
  }
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .join('\n');
};

const readLine = (): string => {
  const bytes: number[] = [];
  for (;;) {
    const [byte = 0] = readExactly(1);
    if (byte === 10) return Buffer.from(bytes).toString('utf8');
    bytes.push(byte);
  }
};

/** Reads this many bytes of stdin, and not one more: the server reads on from there. */
const readExactly = (length: number): Buffer => {
  const buffer = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const count = readSome(buffer, at);
    if (count === 0) throw new InstallError('cut', 'the connection ended');
    at += count;
  }
  return buffer;
};

const readSome = (buffer: Buffer, at: number): number => {
  for (;;) {
    try {
      return readSync(0, buffer, at, buffer.length - at, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
};

const [, directory = '', name = '', nonce = ''] = process.argv;
try {
  install(directory, name, nonce);
} catch (error) {
  const { kind = 'notWritten', message } = error as Partial<InstallError>;
  process.stdout.write(
    `exec-server-bootstrap ${nonce} failed ${kind} ${String(message).replace(/\s+/g, ' ')}\n`,
  );
  process.exitCode = 1;
}

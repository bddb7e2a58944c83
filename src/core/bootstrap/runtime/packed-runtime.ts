import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import * as z from 'zod/mini';
import type { Runtime } from '../upload.ts';
import { makeOnce } from './client-cache.ts';
import { stripElf } from './strip-elf.ts';

/** A file that contains Node. */
export type NodeFile = {
  readonly path: string;
  /** Its version, as in `v22.1.0`; part of its name on hosts. */
  readonly version: string;
};

/** Packs a Node for a host. The result is cached, and checked against its digest before each use. */
export const packedRuntime = async (
  node: NodeFile,
  packing: Runtime['packing'],
  cache: string,
): Promise<Runtime> => {
  const { size, mtimeMs } = await stat(node.path);
  const key = sha256(JSON.stringify([node, size, mtimeMs, packing])).slice(0, KEY_DIGITS);
  const directory = join(cache, 'packed', key);
  const cached = await readPacked(directory);
  if (cached !== undefined) return cached;
  await rm(directory, { recursive: true, force: true });
  await makeOnce(directory, made => pack(node, packing, made));
  const packed = await readPacked(directory);
  if (packed === undefined) throw new Error(`${directory} was changed by another process`);
  return packed;
};

const KEY_DIGITS = 32;
const CONTENT = 'node.packed';
const FACTS = 'facts.json';

const factsSchema = z.object({
  version: z.string(),
  packing: z.enum(['gzip', 'none']),
  /** SHA-256 of the unpacked and of the packed file. */
  digest: z.string(),
  packedDigest: z.string(),
  packedSize: z.number(),
});

/** Returns the runtime in a directory of the cache; `undefined` if it is missing or damaged. */
const readPacked = async (directory: string): Promise<Runtime | undefined> => {
  try {
    const { packedDigest, ...facts } = factsSchema.parse(
      JSON.parse(await readFile(join(directory, FACTS), 'utf8')),
    );
    const content = join(directory, CONTENT);
    const digest = createHash('sha256');
    await pipeline(createReadStream(content), digest);
    if (digest.digest('hex') !== packedDigest) return undefined;
    const name = `node-${facts.version}-${facts.digest.slice(0, NAME_DIGITS)}`;
    return { ...facts, name, open: () => createReadStream(content) };
  } catch {
    return undefined;
  }
};

const NAME_DIGITS = 16;

const pack = async (
  { path, version }: NodeFile,
  packing: Runtime['packing'],
  directory: string,
): Promise<void> => {
  const node = stripElf(await readFile(path));
  const packed = packing === 'gzip' ? await promisify(gzip)(node) : node;
  await writeFile(join(directory, CONTENT), packed);
  const facts: z.input<typeof factsSchema> = {
    version,
    packing,
    digest: sha256(node),
    packedDigest: sha256(packed),
    packedSize: packed.length,
  };
  await writeFile(join(directory, FACTS), JSON.stringify(facts));
};

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

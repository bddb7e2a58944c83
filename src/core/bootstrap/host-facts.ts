/** A host as the bootstrap script reports it. */
export type HostFacts = {
  /** `uname -s`: `Linux`, `Darwin`, … */
  readonly os: string;
  /** `uname -m`: `x86_64`, `aarch64`, `arm64`, … */
  readonly machine: string;
  /** Absent on a system where neither was recognized. The version is that of glibc, if the host can report it. */
  readonly libc?: { readonly name: 'glibc' | 'musl'; readonly version?: string };
  /** Programs of the host that unpack: `gzip`. */
  readonly unpackers: readonly string[];
};

/** A line of the bootstrap script: `fact NAME VALUE`. */
export type Fact = { readonly name: string; readonly value: string };

/** Composes the facts about a host from the lines of the script. */
export const hostFacts = (facts: readonly Fact[]): HostFacts => {
  const first = (name: string) => facts.find(fact => fact.name === name)?.value;
  const libc = libcOf(first('libc'));
  return {
    os: first('os') ?? 'unknown',
    machine: first('machine') ?? 'unknown',
    ...(libc && { libc }),
    unpackers: facts.filter(({ name }) => name === 'unpacker').map(({ value }) => value),
  };
};

/** Reads `glibc 2.36` or `musl`. */
const libcOf = (value: string | undefined): HostFacts['libc'] => {
  const [name, version] = value?.split(' ') ?? [];
  if (name !== 'glibc' && name !== 'musl') return undefined;
  return version === undefined ? { name } : { name, version };
};

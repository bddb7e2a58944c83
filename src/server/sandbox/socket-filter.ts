/**
 * Assembles a seccomp filter that refuses the sockets which a network namespace does not isolate: families such as Unix
 * sockets with a path, and those between virtual machines. Pairs of connected sockets are allowed, as far as they cannot
 * send to another socket. Other ways to create sockets are refused too: io_uring and system calls of other architectures.
 *
 * @returns `undefined` for an architecture whose system calls are unknown
 */
export const socketFilter = (arch: string): Buffer | undefined => {
  const calls = SYSTEM_CALLS[arch];
  return calls && assemble(filter(calls));
};

type SystemCalls = {
  /** As the kernel names the architecture: AUDIT_ARCH_* in linux/audit.h. */
  readonly audit: number;
  readonly socket: number;
  readonly socketpair: number;
  /** The first number of the same calls with narrow pointers, if the architecture has them. */
  readonly narrowFrom?: number;
};

const SYSTEM_CALLS: Readonly<Record<string, SystemCalls>> = {
  x64: { audit: 0xc000003e, socket: 41, socketpair: 53, narrowFrom: 0x40000000 },
  arm64: { audit: 0xc00000b7, socket: 198, socketpair: 199 },
  riscv64: { audit: 0xc00000f3, socket: 198, socketpair: 199 },
};

// The same number on all these architectures.
const IO_URING_SETUP = 425;

/** An instruction, or a label for the next one. */
type Step =
  | { readonly label: string }
  | { readonly load: number }
  | { readonly and: number }
  | { readonly equals: number; readonly goTo: string }
  | { readonly isAtLeast: number; readonly goTo: string }
  | { readonly answer: number };

const filter = ({ audit, socket, socketpair, narrowFrom }: SystemCalls): Step[] => [
  { load: ARCHITECTURE },
  { equals: audit, goTo: 'native' },
  { answer: KILL_PROCESS },
  { label: 'native' },
  { load: NUMBER },
  ...(narrowFrom === undefined ? [] : [{ isAtLeast: narrowFrom, goTo: 'missing' }]),
  { equals: IO_URING_SETUP, goTo: 'missing' },
  { equals: socket, goTo: 'socket' },
  { equals: socketpair, goTo: 'socketpair' },
  { label: 'allowed' },
  { answer: ALLOW },
  { label: 'missing' },
  { answer: ERROR | ENOSYS },
  { label: 'socket' },
  { load: argument(0) },
  ...[AF_INET, AF_INET6, AF_NETLINK].map(family => ({ equals: family, goTo: 'allowed again' })),
  { answer: ERROR | EPERM },
  { label: 'socketpair' },
  { load: argument(0) },
  { equals: AF_UNIX, goTo: 'unix' },
  { answer: ERROR | EPERM },
  { label: 'unix' },
  { load: argument(1) },
  { and: SOCKET_TYPE },
  // Datagram sockets could be connected to another one.
  ...[SOCK_STREAM, SOCK_SEQPACKET].map(type => ({ equals: type, goTo: 'allowed again' })),
  { answer: ERROR | EPERM },
  // Jumps only go forward.
  { label: 'allowed again' },
  { answer: ALLOW },
];

// struct seccomp_data of linux/seccomp.h. The lower half of an argument comes first; the kernel ignores the upper half.
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number): number => 16 + 8 * index;

const ALLOW = 0x7fff0000;
const ERROR = 0x00050000;
const KILL_PROCESS = 0x80000000;
const EPERM = 1;
const ENOSYS = 38;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
// The bits above are flags.
const SOCKET_TYPE = 0xf;

/** Encodes struct sock_filter of linux/filter.h, in the byte order of the architectures above. */
const assemble = (steps: readonly Step[]): Buffer => {
  const positions = new Map<string, number>();
  const real = steps.filter(step => {
    if (!('label' in step)) return true;
    positions.set(
      step.label,
      steps.slice(0, steps.indexOf(step)).filter(before => !('label' in before)).length,
    );
    return false;
  });
  return Buffer.concat(
    real.map((step, at) => {
      const jump = 'goTo' in step ? (positions.get(step.goTo) ?? Number.NaN) - at - 1 : 0;
      const [code, value] = encode(step);
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16LE(code, 0);
      bytes.writeUInt8(jump, 2);
      bytes.writeUInt32LE(value, 4);
      return bytes;
    }),
  );
};

const encode = (step: Step): [code: number, value: number] => {
  if ('load' in step) return [0x20, step.load];
  if ('and' in step) return [0x54, step.and];
  if ('equals' in step) return [0x15, step.equals];
  if ('isAtLeast' in step) return [0x35, step.isAtLeast];
  return [0x06, 'answer' in step ? step.answer : Number.NaN];
};

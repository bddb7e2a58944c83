/**
 * A program for the kernel (seccomp) that refuses what leads out of a network namespace: sockets of the
 * families that know none, as Unix sockets with a path and those between virtual machines. A pair of
 * connected sockets can still be had, but none that could be sent to somewhere else. What would make sockets
 * past this filter is refused with it: io_uring and the system calls of other architectures.
 *
 * @returns `undefined` for an architecture whose system calls aren't known here
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
  /** Where numbers begin that mean the same calls with narrow pointers, if there are any. */
  readonly narrowFrom?: number;
};

const SYSTEM_CALLS: Readonly<Record<string, SystemCalls>> = {
  x64: { audit: 0xc000003e, socket: 41, socketpair: 53, narrowFrom: 0x40000000 },
  arm64: { audit: 0xc00000b7, socket: 198, socketpair: 199 },
  riscv64: { audit: 0xc00000f3, socket: 198, socketpair: 199 },
};

// The same number on all of them.
const IO_URING_SETUP = 425;

/** Steps are done one after another; a label stands before the step that it names. */
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
  // The others, which aren't connected for good, could be connected anew.
  ...[SOCK_STREAM, SOCK_SEQPACKET].map(type => ({ equals: type, goTo: 'allowed again' })),
  { answer: ERROR | EPERM },
  // A jump only goes forward.
  { label: 'allowed again' },
  { answer: ALLOW },
];

// struct seccomp_data of linux/seccomp.h. The lower half of an argument comes first, and it is what counts.
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
// Above it are flags.
const SOCKET_TYPE = 0xf;

/** As struct sock_filter of linux/filter.h, in the byte order of the architectures above. */
const assemble = (steps: readonly Step[]): Buffer => {
  const places = new Map<string, number>();
  const real = steps.filter(step => {
    if (!('label' in step)) return true;
    places.set(step.label, steps.slice(0, steps.indexOf(step)).filter(before => !('label' in before)).length);
    return false;
  });
  return Buffer.concat(
    real.map((step, at) => {
      const jump = 'goTo' in step ? (places.get(step.goTo) ?? Number.NaN) - at - 1 : 0;
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

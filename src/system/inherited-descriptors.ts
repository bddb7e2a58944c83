import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/**
 * Descriptors of this process from `first` on that its children inherit: those without close-on-exec. Node opens none, so
 * they come from whatever started this process, or from native code.
 *
 * @returns none where there is no /proc
 */
export const inheritableDescriptors = (first: number): number[] => {
  try {
    return readdirSync(DIRECTORY)
      .map(Number)
      .filter(fd => fd >= first && isInheritable(fd));
  } catch {
    return [];
  }
};

/**
 * Closes the descriptors that children would inherit; only for a program that opened none of them itself. Node marks
 * inherited ones close-on-exec at its start, but stops at the first number from 16 on that is not open.
 */
export const closeInheritable = (): void => {
  for (const fd of inheritableDescriptors(FIRST_UNMARKED)) {
    if (fd === channelDescriptor()) process.disconnect?.();
    else closeSync(fd);
  }
};

/** Every client waits for this: the others need no look. */
const FIRST_UNMARKED = 16;

const DIRECTORY = '/proc/self/fdinfo';

const O_CLOEXEC = 0o2000000;

const isInheritable = (fd: number): boolean => {
  try {
    const [, flags] = /^flags:\s+([0-7]+)$/m.exec(firstLines(`${DIRECTORY}/${fd}`)) ?? [];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // Closed by now: that of the directory itself.
    return false;
  }
};

/** Reads the first bytes of a file. */
const firstLines = (path: string): string => {
  const bytes = Buffer.allocUnsafe(128);
  const file = openSync(path, 'r');
  try {
    return bytes.toString('latin1', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
};

/** The descriptor of the channel to a Node that started this one by `fork`. */
const channelDescriptor = (): unknown => (process.channel as { readonly fd?: number } | undefined)?.fd;

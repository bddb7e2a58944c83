import { closeSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Descriptors of this process that its children inherit, apart from 0, 1 and 2: those without close-on-exec. Node opens
 * none, so they come from whoever started this process, or from native code.
 *
 * @returns none where there is no /proc
 */
export const inheritableDescriptors = (): number[] => {
  try {
    return readdirSync(DIRECTORY)
      .map(Number)
      .filter(fd => fd > 2 && isInheritable(fd));
  } catch {
    return [];
  }
};

/**
 * Closes the descriptors that children would inherit; only for a program that opened none of them itself. Node marks
 * the inherited ones close-on-exec at its start, but stops at the first number from 16 on that is not open.
 */
export const closeInheritable = (): void => {
  for (const fd of inheritableDescriptors()) {
    if (fd === channelDescriptor()) process.disconnect?.();
    else closeSync(fd);
  }
};

const DIRECTORY = '/proc/self/fdinfo';

const O_CLOEXEC = 0o2000000;

const isInheritable = (fd: number): boolean => {
  try {
    const [, flags] = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`${DIRECTORY}/${fd}`, 'utf8')) ?? [];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // Closed by now: that of the directory itself.
    return false;
  }
};

/** The descriptor of the channel to a Node that started this one by `fork`. */
const channelDescriptor = (): unknown => (process.channel as { readonly fd?: number } | undefined)?.fd;

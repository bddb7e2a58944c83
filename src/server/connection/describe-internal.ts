/** Describes an unexpected error for the log: its name and stack, without its message, which may quote its input. */
export const describeInternal = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error;
  const { name, message, stack = '' } = error;
  const [, ...afterMessage] = stack.split(message);
  const frames = afterMessage.join(message).match(/^ +at .*$/gm) ?? [];
  return [name, ...frames.map(frame => frame.trim())].join(' ');
};

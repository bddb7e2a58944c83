/**
 * The errno of an error by which the system refused for want of something that may be there later: descriptors,
 * processes, memory. `undefined` for other errors. Nothing may be remembered as impossible for it.
 */
export const shortageOf = (error: unknown): string | undefined => {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && SHORTAGES.includes(code) ? code : undefined;
};

const SHORTAGES = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'];

/** Creates a name for logs. It is no secret: nothing is accessed by it. Without node:crypto, which loads slowly. */
export const newSessionId = (): string =>
  `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;

import { ConfigError } from '../../src/codex-config/config-error.ts';

/** The lines of the error that `act` throws. */
export const complaint = (act: () => unknown): string[] => {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  throw new Error('no complaint');
};

import { foldCase } from './fold-case.ts';

/** Names of variables that lead to the identity of the server itself, in upper case. No client may use their values. */
const WITHHELD_NAMES: ReadonlySet<string> = new Set([
  'OPENAI_FEDERATION_RULE_ID',
  'OPENAI_IDENTITY_TOKEN_FILE',
]);

/** True if the value of a variable is withheld, whatever the case of its name. */
export const isWithheld = (name: string): boolean => WITHHELD_NAMES.has(foldCase(name));

import type { Env, Platform } from './env.ts';
import type { EnvDecision, EnvKept, EnvRemoved, EnvSet } from './env-decision.ts';
import { foldCase } from './fold-case.ts';

const KEPT: EnvKept = { outcome: 'kept' };

/**
 * An environment while the steps work on it. It alone knows when two names are the same one, and, if asked
 * to, it notes what each step did.
 */
export class EnvDraft {
  readonly platform: Platform;
  // Pairs, as Object.fromEntries and Map take them.
  readonly #variables = new Map<string, readonly [name: string, value: string]>();
  readonly #notes: Map<string, readonly [name: string, decision: EnvDecision]> | undefined;

  constructor(platform: Platform, options: { readonly record?: boolean } = {}) {
    this.platform = platform;
    this.#notes = options.record ? new Map() : undefined;
  }

  /** Takes a variable over from the base environment. Of two spellings of one name the first counts. */
  keep(name: string, value: string): void {
    const key = this.#keyOf(name);
    if (this.#variables.has(key)) return;
    this.#variables.set(key, [name, value]);
    this.#note(key, name, KEPT);
  }

  /** Leaves a variable of the base environment out. Of two spellings of one name the first is noted. */
  omit(name: string, decision: EnvRemoved): void {
    const key = this.#keyOf(name);
    if (!this.#notes?.has(key)) this.#note(key, name, decision);
  }

  /** Gives a name its value. A name that is there already keeps its spelling. */
  set(name: string, value: string, decision: EnvSet): void {
    const key = this.#keyOf(name);
    const spelling = this.#variables.get(key)?.[0] ?? name;
    this.#variables.set(key, [spelling, value]);
    this.#note(key, spelling, decision);
  }

  /** Takes a name out. Nothing happens, and nothing is noted, if it isn't there. */
  remove(name: string, decision: EnvRemoved): void {
    const key = this.#keyOf(name);
    const variable = this.#variables.get(key);
    if (!variable) return;
    this.#variables.delete(key);
    this.#note(key, variable[0], decision);
  }

  /**
   * Leaves a name as it is, though the overlay has a value for it: kept if the base has it, removed if it
   * isn't there. One that the policy has set stays noted as set.
   */
  decline(name: string, by: 'keepLocale'): void {
    const key = this.#keyOf(name);
    const variable = this.#variables.get(key);
    if (!variable) this.#note(key, name, { outcome: 'removed', by });
    else if (this.#notes?.get(key)?.[1].outcome === 'kept') this.#note(key, variable[0], { ...KEPT, by });
  }

  has(name: string): boolean {
    return this.#variables.has(this.#keyOf(name));
  }

  get(name: string): string | undefined {
    return this.#variables.get(this.#keyOf(name))?.[1];
  }

  names(): string[] {
    return Array.from(this.#variables.values(), ([name]) => name);
  }

  /** The environment as it stands now. */
  toEnv(): Env {
    return Object.fromEntries(this.#variables.values());
  }

  /** The last decision on each name, empty unless the draft records. */
  decisions(): ReadonlyMap<string, EnvDecision> {
    return new Map(this.#notes?.values());
  }

  #keyOf(name: string): string {
    return this.platform === 'windows' ? foldCase(name) : name;
  }

  #note(key: string, name: string, decision: EnvDecision): void {
    this.#notes?.set(key, [name, decision]);
  }
}

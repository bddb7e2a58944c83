import type { Env, Platform } from './env.ts';
import type { EnvDecision, EnvKept, EnvRemoved, EnvSet } from './env-decision.ts';
import { foldCase } from './fold-case.ts';
import { isWithheld } from './withheld-names.ts';

const KEPT: EnvKept = { outcome: 'kept' };
const WITHHELD: EnvRemoved = { outcome: 'removed', by: 'withheld' };

/**
 * An environment under construction. It decides when two names are equal, admits no withheld name and, if asked to,
 * records the decision of each step.
 */
export class EnvDraft {
  readonly platform: Platform;
  readonly #variables = new Map<string, readonly [name: string, value: string]>();
  readonly #notes: Map<string, readonly [name: string, decision: EnvDecision]> | undefined;

  constructor(platform: Platform, options: { readonly record?: boolean } = {}) {
    this.platform = platform;
    this.#notes = options.record ? new Map() : undefined;
  }

  /** Keeps a variable of the base environment. Of two spellings of one name the first counts. */
  keep(name: string, value: string): void {
    if (isWithheld(name)) {
      this.omit(name, WITHHELD);
      return;
    }
    const key = this.#keyOf(name);
    if (this.#variables.has(key)) return;
    this.#variables.set(key, [name, value]);
    this.#note(key, name, KEPT);
  }

  /** Omits a variable that the environment does not have yet. Of two spellings of one name the first is recorded. */
  omit(name: string, decision: EnvRemoved): void {
    const key = this.#keyOf(name);
    if (!this.#notes?.has(key)) this.#note(key, name, isWithheld(name) ? WITHHELD : decision);
  }

  /** Sets a variable. An existing name keeps its spelling. */
  set(name: string, value: string, decision: EnvSet): void {
    if (isWithheld(name)) {
      this.omit(name, WITHHELD);
      return;
    }
    const key = this.#keyOf(name);
    const spelling = this.#variables.get(key)?.[0] ?? name;
    this.#variables.set(key, [spelling, value]);
    this.#note(key, spelling, decision);
  }

  /** Removes a variable. Does and records nothing if it is missing. */
  remove(name: string, decision: EnvRemoved): void {
    const key = this.#keyOf(name);
    const variable = this.#variables.get(key);
    if (!variable) return;
    this.#variables.delete(key);
    this.#note(key, variable[0], decision);
  }

  /**
   * Records that a value of the overlay was not applied: the name is `kept` if the base has it, `removed` if it is
   * missing. A name that the policy has set stays `set`.
   */
  decline(name: string, by: 'keepLocale'): void {
    const key = this.#keyOf(name);
    const variable = this.#variables.get(key);
    if (!variable) this.#note(key, name, { outcome: 'removed', by });
    else if (this.#notes?.get(key)?.[1].outcome === 'kept') this.#note(key, variable[0], { ...KEPT, by });
  }

  /** Returns true if the platform takes two names for one variable. */
  equals(name: string, other: string): boolean {
    return this.#keyOf(name) === this.#keyOf(other);
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

  /** Returns the environment so far. */
  toEnv(): Env {
    return Object.fromEntries(this.#variables.values());
  }

  /** Returns the last decision on each name; empty unless the draft records. */
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

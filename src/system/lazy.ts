/** A value that is made by its first use. */
export class Lazy<Value> {
  readonly #make: () => Promise<Value>;
  #value: Promise<Value> | undefined;

  constructor(make: () => Promise<Value>) {
    this.#make = make;
  }

  /** Returns the value, the same each time. */
  get(): Promise<Value> {
    this.#value ??= this.#make();
    return this.#value;
  }

  /** The value if {@link get} was ever called. */
  get ifMade(): Promise<Value> | undefined {
    return this.#value;
  }
}

/** A part of the server that is loaded and made on first use, since most connections never use it. */
export class Lazy<Part> {
  readonly #make: () => Promise<Part>;
  #part: Promise<Part> | undefined;

  constructor(make: () => Promise<Part>) {
    this.#make = make;
  }

  /** The part, the same each time. */
  get(): Promise<Part> {
    this.#part ??= this.#make();
    return this.#part;
  }

  /** The part if it was ever asked for. */
  get ifMade(): Promise<Part> | undefined {
    return this.#part;
  }
}

/** A server to measure: how to run it, and how its messages are framed. */
export type Server = {
  readonly name: string;
  readonly role: 'ours' | 'peer';
  readonly framing: 'lsp' | 'ndjson';
  readonly argv: readonly [string, ...string[]];
};

/** What a value is held against: a number, or so many times another one of the same round. */
export type Goal = {
  readonly atMost?: number;
  readonly atLeast?: number;
  /** The floor's value of the same metric, or the server's own value of another one. */
  readonly times?: 'floor' | { readonly metric: string };
};

/** One thing that a round measures: one number of each contestant. */
export type Metric = {
  readonly id: string;
  readonly title: string;
  readonly unit: 'ms' | 'MiB/s' | 'MiB' | 'KiB' | 'per second' | 'times';
  readonly better: 'lower' | 'higher';
  readonly goal?: Goal;
};

/** What one round gave, by metric. What can't be measured is left out or `undefined`. */
export type Sample = Readonly<Record<string, number | undefined>>;

/** Something that takes its turn in every round. */
export type Runner = {
  run(): Promise<Sample>;
  /** Ends what is left running. Called once, also after a round that failed. */
  close?(): Promise<void>;
};

export type Setting = {
  /** True for a small measurement of everything, to see that it works. */
  readonly quick: boolean;
  /** Processes that `sequential` starts. */
  readonly starts: number;
  /** Notes what could not be measured and why. Repeated notes count once. */
  note(text: string): void;
};

/** The contestants of one question. */
export type Arena = {
  /** The lower bound: the same work without a server. */
  readonly floor?: () => Promise<Runner>;
  readonly through: (server: Server) => Promise<Runner>;
  close?(): Promise<void>;
};

/** One question that the benchmark answers. */
export type Question = {
  readonly name: string;
  readonly asks: string;
  /** What the floor does. */
  readonly floor: string;
  readonly metrics: readonly Metric[];
  readonly rounds: number;
  open(setting: Setting): Promise<Arena>;
};

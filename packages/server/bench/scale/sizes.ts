/** How much the benchmarks at scale do. Counts, unless the name ends in a unit. */
export type ScaleSizes = {
  /** Archives in which numbers are looked up; everything else happens in the large one. */
  calls: readonly [small: number, large: number];
  /** Calls of the customer who is purged, each with an object. */
  customerCalls: number;
  objectBytes: number;
  whatIfNumbers: number;
  /** Calls erased one by one, by one client and by several at once; each with an object. */
  erasures: readonly [one: number, several: number];
  /** Recordings archived in all, of `objectBytes` and of `largeBytes` each. */
  uploads: readonly [small: number, large: number];
  largeBytes: number;
  /** The mixed load: how long it runs before memory is looked at, how long afterwards, and how often it is told. */
  warmUpMs: number;
  memoryMs: number;
  memoryEveryMs: number;
};

export const fullScale: ScaleSizes = {
  calls: [100_000, 1_000_000],
  customerCalls: 10_000,
  objectBytes: 20_000,
  whatIfNumbers: 1000,
  erasures: [200, 1000],
  uploads: [800, 80],
  largeBytes: 2 ** 20,
  warmUpMs: 120_000,
  memoryMs: 600_000,
  memoryEveryMs: 30_000,
};

/** Calls of the archive that `--huge` fills. */
export const hugeCalls = 10_000_000;

/** Enough to run every line, and nothing to be measured by. */
export const quickScale: ScaleSizes = {
  calls: [200, 600],
  customerCalls: 30,
  objectBytes: 2000,
  whatIfNumbers: 10,
  erasures: [4, 16],
  uploads: [16, 8],
  largeBytes: 100_000,
  warmUpMs: 300,
  memoryMs: 1500,
  memoryEveryMs: 300,
};

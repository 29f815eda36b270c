import { fullScale, quickScale, type ScaleSizes } from '../scale/sizes.ts';
import type { Figure } from './figure.ts';
import type { Fact } from './machine.ts';

/** How much each benchmark does. Counts, unless the name ends in a unit. */
export type Sizes = {
  /** Slots of the key tree. */
  slots: number;
  /** Slots destroyed at once, in the two large cases. */
  destroyed: readonly [fewer: number, more: number];
  /** Measurements of which the median is taken. */
  repetitions: number;
  /** Calls of the archive in which one customer is purged, and how many of them are that customer's. */
  purgeCalls: number;
  purgeRecordings: number;
  /** Archives that are filled and purged, one after the other. */
  purgeRounds: number;
  recordingBytes: number;
  /** Archives in which numbers are looked up. */
  whatIfCalls: readonly [small: number, large: number];
  whatIfNumbers: number;
  /** Calls of the archive in which the status of sessions is asked for, and how often. */
  statusCalls: number;
  statusRequests: number;
  /** Calls of the archive that is purged by ids, and requests sent without a pause in one turn. */
  purgeIdCalls: number;
  purgeIdRequests: number;
  /** Identifiers of one native plan, and the calls of the one that is executed. */
  planIdentifiers: number;
  planCalls: number;
  /** Calls depersonalized one by one, calls of the one candidate, and the bytes of each recording. */
  depersonalizeCalls: number;
  candidateCalls: number;
  objectBytes: number;
  /** Recordings archived one after the other or together. */
  uploads: number;
  /** The long recording, and the short one beside it. */
  longBytes: number;
  shortBytes: number;
  /** Of `--scale`. */
  scale: ScaleSizes;
};

export const fullSizes: Sizes = {
  slots: 1_000_000,
  destroyed: [1000, 10_000],
  repetitions: 7,
  purgeCalls: 100_000,
  purgeRecordings: 10_000,
  purgeRounds: 3,
  recordingBytes: 200_000,
  whatIfCalls: [10_000, 1_000_000],
  whatIfNumbers: 1000,
  statusCalls: 1_000_000,
  statusRequests: 1000,
  purgeIdCalls: 200_000,
  purgeIdRequests: 200,
  planIdentifiers: 10_000,
  planCalls: 10_000,
  depersonalizeCalls: 10_000,
  candidateCalls: 5000,
  objectBytes: 20_000,
  uploads: 2000,
  longBytes: 2 ** 30,
  shortBytes: 2 ** 26,
  scale: fullScale,
};

/** Enough to run every line, and nothing to be measured by. */
export const quickSizes: Sizes = {
  slots: 10_000,
  destroyed: [20, 100],
  repetitions: 2,
  purgeCalls: 300,
  purgeRecordings: 30,
  purgeRounds: 1,
  recordingBytes: 20_000,
  whatIfCalls: [100, 400],
  whatIfNumbers: 20,
  statusCalls: 400,
  statusRequests: 20,
  purgeIdCalls: 1200,
  purgeIdRequests: 2,
  planIdentifiers: 40,
  planCalls: 40,
  depersonalizeCalls: 40,
  candidateCalls: 20,
  objectBytes: 2000,
  uploads: 24,
  longBytes: 2 ** 23,
  shortBytes: 2 ** 21,
  scale: quickScale,
};

/** What a benchmark is given. */
export type Bench = {
  sizes: Sizes;
  /** A folder on the disk to be measured; what is made there besides `folder` is its maker's to remove. */
  disk: string;
  /** An empty folder on that disk, removed afterwards. */
  folder: string;
  /** Serve from the sources instead of the build. */
  fromSource: boolean;
  /** Where the server leaves CPU profiles; undefined for none. */
  profile: string | undefined;
  /** Waits until the system has written out what it holds back, so that nothing measured pays for what came before. */
  settle(): Promise<void>;
  report(figure: Figure): void;
  /** Says what was measured on, besides the machine. */
  note(fact: Fact): void;
  /** Tells how far it has come, on standard error. */
  say(text: string): void;
};

/** What the process of a benchmark tells the one that started it. */
export type Told = { figure: Figure } | { fact: Fact };

export type Benchmark = (bench: Bench) => Promise<void>;

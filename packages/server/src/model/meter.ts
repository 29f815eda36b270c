import type { CounterName, GaugeName, HistogramName, LabelsOf } from './metrics.ts';

/**
 * Where the product tells what it does, for whoever watches it: how often, how much, for how long. `metrics.ts` has what may
 * be told, and the compiler takes nothing else. Never throws, and never waits.
 */
export interface Meter {
  /** Adds to a counter: 1, or `by`, which is never negative. */
  count<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  /** Notes one duration, in seconds. One below 0, of two clocks that differ, counts as 0. */
  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, seconds: number): void;
}

/** Tells nobody, and costs nothing. */
export const silentMeter: Meter = { count: () => undefined, observe: () => undefined };

/** What a gauge stands at. */
export type Reading = {
  [Name in GaugeName]: { name: Name; labels: LabelsOf<Name>; value: number };
}[GaugeName];

/** Looks up what some gauges stand at, when somebody wants to know. */
export type Collector = {
  name: LabelsOf<'tacet_collect_failures_total'>['collector'];
  collect(): Promise<readonly Reading[]>;
};

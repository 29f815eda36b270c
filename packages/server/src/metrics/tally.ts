import type { Meter } from '../model/meter.ts';
import type { CounterName, LabelsOf } from '../model/metrics.ts';

/** What one run of a transaction has to tell once it is committed; nothing of one that is not. */
export class Tally {
  readonly #told: ((meter: Meter) => void)[] = [];

  count<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    if (by > 0) this.#told.push((meter) => meter.count(name, labels, by));
  }

  tell(meter: Meter): void {
    for (const tell of this.#told) tell(meter);
  }
}

/**
 * Named dangerous instants. Production passes `noFaults`, which costs a call that does nothing; the kill table arms one
 * point per run to end the process there. The table is made from the names found in the code.
 */
export interface Faults {
  at(point: string): void | Promise<void>;
}

/** Nothing ever goes wrong here. */
export const noFaults: Faults = { at: () => undefined };

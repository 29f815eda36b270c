/** Whether this process still has the database that it opened. */
export interface DatabaseStanding {
  /**
   * Throws while it does not: `store_busy` as long as it may find it again, what a start would be refused with once that is
   * settled, and `store_failed` where it is about to end.
   */
  refuseLost(): void;
  /** In steady time: since when it has been there without a break, for this process and as far as it can tell for others. */
  readonly thereSince: number;
}

/** Of a database that is a file in a home which this process holds: it cannot be lost. */
export const alwaysThere: DatabaseStanding = { refuseLost: () => undefined, thereSince: Number.NEGATIVE_INFINITY };

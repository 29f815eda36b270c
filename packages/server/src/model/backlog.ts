/** Counts go no further: what is longer than this is as bad, and must not take long to count. */
export const backlogMax = 100_000;

/** What waits to be done, as one statement sees it. Times in ms since the Unix epoch, null where nothing waits. */
export type Backlog = {
  /** When the last seal was committed; null before the archive was created. */
  sealedAt: number | null;
  /** Unfinished jobs that are due and under nobody's lease; since when the first of them is. */
  jobsDue: number;
  dueSince: number | null;
  /** Journal entries that no seal has copied to the vault; when the oldest was written. */
  journalPending: number;
  pendingSince: number | null;
  /** Blobs that are doomed and have not been seen gone. */
  doomedBlobs: number;
};

export interface BacklogReads {
  /** One cheap statement, for whoever watches; counts stop at `backlogMax`. */
  at(now: number): Promise<Backlog>;
}

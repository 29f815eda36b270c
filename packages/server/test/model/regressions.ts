/** Seeds of histories that once failed, and what they found. They run first. */
export const regressions: readonly { seed: number; found: string }[] = [
  { seed: 22, found: 'a repeated upload whose twin was purged before it ended was told session_taken' },
];

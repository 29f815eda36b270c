/** Seeds of histories that once failed, and what they found. They run first. */
export const regressions: readonly { seed: number; found: string }[] = [
  { seed: 301, found: 'a repeated upload was told that other content has its session, which had just been purged' },
];

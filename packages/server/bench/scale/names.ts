/** Parts of the benchmarks at scale, in the order in which they run. */
export const scaleNames = ['scale-what-if', 'scale-purge', 'scale-erasures', 'scale-archive', 'scale-memory'] as const;

export type ScaleName = (typeof scaleNames)[number];

/** All of them, in one process: they share the servers and the archive. */
export const wholeScale = 'scale';

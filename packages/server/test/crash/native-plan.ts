/** The calls of one person, whose erasure is planned and executed by a process that may die over it. */
import type { LifeCall } from './life.ts';

export const plannedPhone = '+15125550100';

export const planned: readonly LifeCall[] = ['first', 'second', 'third'].map((session) => ({
  session,
  phone: plannedPhone,
  bytes: 3_000,
  hasTranscript: true,
}));
